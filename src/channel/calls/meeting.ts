/** The meeting place of a server and its clients, as each of them uses it. */

import { type Attempt, attemptAsync } from "../../wait/attempt.ts";
import { Members } from "../../wait/members.ts";
import type { Patience } from "../../wait/patience.ts";
import { exchangePair } from "../../wait/pair.ts";
import { RobustWord } from "../../wait/robust_word.ts";
import { EVERYBODY, type Words } from "../../wait/words.ts";
import { SERVER } from "../kinds.ts";
import type { Placed } from "../place.ts";
import { RingMemory } from "../ring_memory.ts";
import {
  ACCEPTED,
  BELL,
  LIST,
  LONGEST_REQUEST,
  LONGEST_TEXT,
  OFFER_COUNT,
  OFFER_WORDS,
  OFFERED,
  ONE_MORE,
  PID_NAMESPACE,
  REFUSED,
  RING_CAPACITY,
  SEAT,
  SERVER_PID,
  STATE_BITS,
  stateOf,
  TEXT_BYTE_LENGTH,
  TEXT_BYTE_OFFSET,
  WHY,
} from "./meeting_layout.ts";

/** What clients have to know before they create their connection. */
interface ServerFacts {
  readonly ringCapacity: number;
  /** In bytes, below 2^32. */
  readonly longestRequest: number;
  /** 0 if it is not known. */
  readonly pidNamespace: number;
}

/** An offered connection. */
export interface Offer {
  readonly index: number;
  /** The word of its state, as it was read. */
  readonly state: number;
  /** The handle of the connection, not yet checked. */
  readonly text: string;
}

/** A meeting place, as the server or one client uses it. */
export class Meeting implements Disposable {
  readonly placed: Placed;
  readonly words: Words;
  readonly #memory: RingMemory;
  readonly #seat: RobustWord;
  readonly #members: Members;

  constructor(placed: Placed) {
    this.placed = placed;
    this.words = placed.words;
    this.#memory = new RingMemory(placed.words, placed.geometry.capacity);
    this.#seat = new RobustWord(placed.words, SEAT);
    this.#members = new Members(LIST, placed.words.threads);
  }

  get #cells(): Int32Array {
    return this.words.cells;
  }

  /** Becomes the server. @throws {Deno.errors.AddrInUse} If there is another server. */
  takeSeat({ ringCapacity, longestRequest, pidNamespace }: ServerFacts): void {
    if (this.#seat.takeNow() === undefined) {
      throw new Deno.errors.AddrInUse(
        `Cannot serve: process ${this.#cells[SERVER_PID]} is the server there`,
      );
    }
    const cells = this.#cells;
    Atomics.store(cells, SERVER_PID, 0);
    cells[RING_CAPACITY] = ringCapacity;
    cells[LONGEST_REQUEST] = longestRequest;
    cells[PID_NAMESPACE] = pidNamespace;
    // Pairs with the load in `serverPid`.
    Atomics.store(cells, SERVER_PID, Deno.pid);
    this.words.lossWatch.check();
  }

  /** Stops being the server. */
  leaveSeat(): void {
    // If the memory was lost, somebody else may be the server now.
    if (this.#seat.epoch !== this.words.lossWatch.epoch) return;
    Atomics.store(this.#cells, SERVER_PID, 0);
    this.#seat.release();
    this.#memory.wake(BELL);
    for (let i = 0; i < OFFER_COUNT; i++) this.words.wake(stateOf(i), EVERYBODY);
  }

  /** The server's process, if there is one and it is alive. */
  serverPid(): number | undefined {
    const cells = this.#cells;
    const pid = Atomics.load(cells, SERVER_PID);
    const isThere = pid !== 0 && this.#seat.holder !== 0 && !this.#seat.isLost;
    this.words.lossWatch.check();
    return isThere ? pid : undefined;
  }

  /** What the server says about itself; valid after `serverPid`. */
  facts(): ServerFacts {
    const cells = this.#cells;
    const ringCapacity = cells[RING_CAPACITY]!;
    const longestRequest = cells[LONGEST_REQUEST]! >>> 0;
    const pidNamespace = cells[PID_NAMESPACE]!;
    this.words.lossWatch.check();
    return { ringCapacity, longestRequest, pidNamespace };
  }

  /** Waits for offers, and removes dead clients. */
  offers(patience: Patience): Promise<Offer[]> {
    return attemptAsync(new Listening(this), patience);
  }

  /** The offers that are not decided yet. */
  openOffers(): Offer[] {
    return allOffers().map((index) => this.#read(index)).filter((offer) => offer !== undefined);
  }

  #read(index: number): Offer | undefined {
    const cells = this.#cells;
    // Pairs with the store in `offer`: a server that sees the state sees the handle.
    const state = Atomics.load(cells, stateOf(index));
    if ((state & STATE_BITS) !== OFFERED) return undefined;
    const byteLength = cells[stateOf(index) + TEXT_BYTE_LENGTH]!;
    const isText = byteLength >= 0 && byteLength <= LONGEST_TEXT;
    const bytes = this.#textBytes(index).slice(0, isText ? byteLength : 0);
    // An exchange and not a load, which could be performed before the copy. If the client has left
    // meanwhile and another one has come, the text may be half of each.
    if (Atomics.compareExchange(cells, stateOf(index), state, state) !== state) return undefined;
    return { index, state, text: new TextDecoder().decode(bytes) };
  }

  #textBytes(offer: number): Uint8Array {
    const start = offer * OFFER_WORDS * 4 + TEXT_BYTE_OFFSET;
    return this.#memory.bytes.subarray(start, start + LONGEST_TEXT);
  }

  /**
   * Tells a client whether its connection is accepted, unless the client has left meanwhile.
   *
   * @param why it is refused
   */
  decide({ index, state }: Offer, accepted: boolean, why = 0): void {
    // Before the state: a client that sees the refusal sees the reason.
    this.#cells[stateOf(index) + WHY] = why;
    const decision = (state & ~STATE_BITS) | (accepted ? ACCEPTED : REFUSED);
    Atomics.compareExchange(this.#cells, stateOf(index), state, decision);
    this.words.wake(stateOf(index), EVERYBODY);
  }

  /** Gives the slots of dead clients to others. */
  dropDead(): void {
    const cells = this.#cells;
    for (const offer of allOffers()) {
      const at = LIST + 2 * offer;
      const dead = this.#members.deadAt(cells, at);
      if (dead === undefined) continue;
      // This comes first: once the slot is free, the state belongs to its next owner.
      Atomics.and(cells, stateOf(offer), ~STATE_BITS);
      exchangePair(cells, at, dead, [0, 0]);
    }
  }

  /**
   * For `Listening`: announces that the server will sleep. @returns the index of the word to sleep
   * on
   */
  setBell(): number {
    Atomics.store(this.#cells, BELL, 1);
    return BELL;
  }

  /** Offers a connection; once. @returns false if there is no free slot now */
  offer(text: string): boolean {
    const bytes = new TextEncoder().encode(text);
    if (bytes.length > LONGEST_TEXT) throw new RangeError("Cannot connect: the handle is too long");
    const cells = this.#cells;
    const slot = this.#members.enter(cells.subarray(0, LIST + 2 * OFFER_COUNT));
    if (slot === undefined) return false;
    const index = (slot - LIST) / 2;
    this.#textBytes(index).set(bytes);
    cells[stateOf(index) + TEXT_BYTE_LENGTH] = bytes.length;
    cells[stateOf(index) + WHY] = 0;
    const before = Atomics.load(cells, stateOf(index)) & ~STATE_BITS;
    const state = (before + ONE_MORE) | OFFERED;
    this.#offered = { index, state, text };
    this.words.lossWatch.check();
    this.#epoch = this.words.lossWatch.epoch;
    // Pairs with the load in `#read`: a server that sees the state sees the handle.
    Atomics.store(cells, stateOf(index), state);
    this.#memory.wake(BELL);
    this.words.lossWatch.check();
    return true;
  }

  #offered: Offer | undefined;
  /** The loss epoch in which the connection was offered. */
  #epoch = 0;

  /** Waits for the decision. @returns false if the offer is refused, or the server is gone */
  decided(patience: Patience): Promise<boolean> {
    return attemptAsync(new Deciding(this, this.#offered!), patience);
  }

  /** Why the offer was refused; 0 if no reason was given. */
  get why(): number {
    return this.#offered === undefined ? 0 : this.#cells[stateOf(this.#offered.index) + WHY]!;
  }

  /** Takes the offer back, decided or not. */
  #withdraw(): void {
    if (this.#offered === undefined) return;
    const { index } = this.#offered;
    this.#offered = undefined;
    // If the memory was lost, somebody else may have the slot now.
    if (this.#epoch !== this.words.lossWatch.epoch) return;
    const cells = this.#cells;
    Atomics.and(cells, stateOf(index), ~STATE_BITS);
    this.#members.leave(cells, LIST + 2 * index);
  }

  get closed(): boolean {
    return this.placed.region.closed;
  }

  /** Gives the slot and the memory back. A second call does nothing. */
  [Symbol.dispose](): void {
    this.#withdraw();
    this.placed.region.close();
  }
}

function allOffers(): number[] {
  return Array.from({ length: OFFER_COUNT }, (_, i) => i);
}

/** The server's wait for offers. */
class Listening implements Attempt<Offer[]> {
  readonly action = `wait for clients of ${SERVER.name}`;
  readonly expected = 1;
  index = 0;
  readonly words: Words;
  readonly #meeting: Meeting;

  constructor(meeting: Meeting) {
    this.#meeting = meeting;
    this.words = meeting.words;
  }

  attempt(): Offer[] | undefined {
    const offers = this.#meeting.openOffers();
    return offers.length === 0 ? undefined : offers;
  }

  prepare(thorough: boolean): Offer[] | undefined {
    if (thorough) this.#meeting.dropDead();
    // Before the look: either this look finds the offer, or the client finds the bell set.
    this.index = this.#meeting.setBell();
    return this.attempt();
  }

  cancel(): undefined {}
}

/** A client's wait for the server's decision. */
class Deciding implements Attempt<boolean> {
  readonly action = "connect to server";
  readonly expected: number;
  readonly words: Words;
  readonly index: number;
  readonly #meeting: Meeting;

  constructor(meeting: Meeting, { index, state }: Offer) {
    this.#meeting = meeting;
    this.words = meeting.words;
    this.index = stateOf(index);
    this.expected = state;
  }

  attempt(): boolean | undefined {
    const state = Atomics.load(this.words.cells, this.index);
    return state === this.expected ? undefined : (state & STATE_BITS) === ACCEPTED;
  }

  prepare(thorough: boolean): boolean | undefined {
    const lost = thorough && this.#meeting.serverPid() === undefined;
    // After the check of the server: its last decision counts.
    return this.attempt() ?? (lost ? false : undefined);
  }

  cancel(): undefined {}
}
