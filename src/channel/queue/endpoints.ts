/** Who is at a channel, what they do there, and whether they live. */

import { withLock } from "../../wait/lock_attempt.ts";
import type { Threads } from "../../wait/holder.ts";
import { RobustWord } from "../../wait/robust_word.ts";
import type { Words } from "../../wait/words.ts";
import {
  CONSUMER_BIT,
  ENDPOINTS,
  LIST_LOCK,
  MOST_ENDPOINTS,
  PRODUCER_BIT,
} from "./queue_layout.ts";

/** What one can be, as a bit of its entry. */
export type Role = typeof PRODUCER_BIT | typeof CONSUMER_BIT;

/** For messages. */
export const ROLE_NAMES: Readonly<Record<Role, string>> = {
  [PRODUCER_BIT]: "producer",
  [CONSUMER_BIT]: "consumer",
};

const WORDS_EACH = 4;
const FINGERPRINT = 1;
const PID = 2;
const ROLES = 3;
/** How long to wait for the list, in milliseconds: it is held for microseconds. */
const LOCK_MS = 1000;

const ENDPOINTS_END = ENDPOINTS + MOST_ENDPOINTS * WORDS_EACH;

/**
 * One Channel object's entry in the list. It enters when the object is made, so that its death is
 * noticed also if it comes before the first message. The list changes under a lock, for a few
 * operations.
 */
export class Membership {
  readonly #words: Words;
  readonly #lock: RobustWord;
  #place: number;
  /** When it entered; if the memory was lost since, the entry is a dead one's. */
  #epoch: number;

  /** @throws {Deno.errors.Busy} If the list is full. */
  constructor(words: Words) {
    this.#words = words;
    this.#lock = new RobustWord(words, LIST_LOCK);
    this.#place = this.#locked("join", (cells) => this.#enter(cells));
    words.ground.check();
    this.#epoch = words.ground.epoch;
  }

  get #isLost(): boolean {
    return this.#epoch !== this.#words.ground.epoch;
  }

  #enter(cells: Int32Array): number {
    const { threads } = this.#words;
    for (const place of placesOf(cells)) {
      if (cells[place + ROLES] === 0) dropIfDead(threads, cells, place);
    }
    const place = freePlace(cells) ?? freePlaceOfDead(threads, cells);
    if (place === undefined) {
      throw new Deno.errors.Busy(`Cannot join channel: ${MOST_ENDPOINTS} are there already`);
    }
    const { number, fingerprint } = threads.self();
    cells[place + FINGERPRINT] = fingerprint;
    cells[place + PID] = Deno.pid;
    cells[place + ROLES] = 0;
    // Last: a place whose number is 0 is free, whatever else is in it.
    Atomics.store(cells, place, number);
    return place;
  }

  /**
   * Becomes a producer or consumer. Where only one may be, it takes the place of one that died.
   *
   * @param taken run before anybody else can
   * @throws {Deno.errors.Busy} If there is another one and may be only one.
   */
  take(role: Role, single: boolean, taken: () => void): void {
    this.#locked("join", (cells) => {
      if (this.#isLost) {
        this.#place = this.#enter(cells);
        this.#epoch = this.#words.ground.epoch;
      }
      for (const place of placesOf(cells, role)) {
        retireIfDead(this.#words.threads, cells, place, role);
      }
      const other = placesOf(cells, role).find((place) => place !== this.#place);
      if (single && other !== undefined) {
        throw new Deno.errors.Busy(
          `Cannot join channel: process ${cells[other + PID]} is its ${ROLE_NAMES[role]}, ` +
            `and it has one; "multiple" allows several`,
        );
      }
      cells[this.#place + ROLES]! |= role;
      taken();
    });
    this.#words.ground.check();
  }

  /** Leaves. @param deserted run for each role in which nobody who lives is left */
  leave(deserted: (role: Role) => void): void {
    if (this.#isLost) return;
    try {
      this.#locked("leave", (cells) => this.#desert(cells, deserted));
    } catch (error) {
      const { TimedOut, InvalidData } = Deno.errors;
      if (!(error instanceof TimedOut || error instanceof InvalidData)) throw error;
      // Better unnoticed than never: whoever has the list may have it for ever, or it is damaged.
      Atomics.store(this.#words.cells, this.#place, 0);
    }
  }

  #desert(cells: Int32Array, deserted: (role: Role) => void): void {
    const roles = cells[this.#place + ROLES]!;
    for (const role of [PRODUCER_BIT, CONSUMER_BIT] as const) {
      if ((roles & role) === 0) continue;
      const others = placesOf(cells, role).filter((place) => place !== this.#place);
      if (others.every((place) => isDeadAt(this.#words.threads, cells, place))) deserted(role);
    }
    // Last: whoever dies before this is found dead, and nobody waits for ever.
    Atomics.store(cells, this.#place, 0);
  }

  /**
   * The process of one in this role that died, if nobody lives in it. Before anybody was, whoever had
   * attached and was neither yet counts as one. Takes no lock: this is asked while others may be
   * stopped in the middle of a change.
   */
  lostPid(role: Role): number | undefined {
    const { cells, threads } = this.#words;
    const inRole = new Tally(threads);
    const idle = new Tally(threads);
    for (let place = ENDPOINTS; place < ENDPOINTS_END; place += WORDS_EACH) {
      if (Atomics.load(cells, place) === 0) continue;
      // Each entry is read once: it is the one or the other, and alive in both or in none.
      const roles = Atomics.load(cells, place + ROLES);
      if ((roles & role) !== 0) inRole.count(cells, place);
      else if (roles === 0 && place !== this.#place) idle.count(cells, place);
    }
    return inRole.any ? inRole.lostPid : idle.lostPid;
  }

  /** The processes in a role, living and dead. */
  pids(role: Role): number[] {
    const { cells } = this.#words;
    return placesOf(cells, role).map((place) => cells[place + PID]!);
  }

  /** @throws {Deno.errors.TimedOut} If somebody was stopped in the middle of a change. */
  #locked<T>(verb: string, action: (cells: Int32Array) => T): T {
    return withLock(this.#lock, `${verb} channel`, () => action(this.#words.cells), LOCK_MS);
  }
}

/** The places that are taken, of those in a role or of all. */
function placesOf(cells: Int32Array, role?: Role): number[] {
  return allPlaces().filter((place) =>
    Atomics.load(cells, place) !== 0 && (role === undefined || (cells[place + ROLES]! & role) !== 0)
  );
}

function allPlaces(): number[] {
  return Array.from({ length: MOST_ENDPOINTS }, (_, i) => ENDPOINTS + i * WORDS_EACH);
}

function freePlace(cells: Int32Array): number | undefined {
  return allPlaces().find((place) => Atomics.load(cells, place) === 0);
}

function freePlaceOfDead(threads: Threads, cells: Int32Array): number | undefined {
  return allPlaces().find((place) => dropIfDead(threads, cells, place));
}

function dropIfDead(threads: Threads, cells: Int32Array, place: number): boolean {
  if (!threads.isDead(cells[place]!, cells[place + FINGERPRINT]!)) return false;
  Atomics.store(cells, place, 0);
  return true;
}

/** Somebody takes over what a dead one did; what else it did stays to be noticed. */
function retireIfDead(threads: Threads, cells: Int32Array, place: number, role: Role): void {
  if (!threads.isDead(cells[place]!, cells[place + FINGERPRINT]!)) return;
  cells[place + ROLES]! &= ~role;
  if (cells[place + ROLES] === 0) Atomics.store(cells, place, 0);
}

/** Whether the one at a place is dead for sure. */
function isDeadAt(threads: Threads, cells: Int32Array, place: number): boolean {
  const number = Atomics.load(cells, place);
  const fingerprint = Atomics.load(cells, place + FINGERPRINT);
  // The fingerprint is another one's if the place has changed hands meanwhile: then look later.
  return Atomics.load(cells, place) === number && threads.isDead(number, fingerprint);
}

/** Some entries: whether there are any, and whether all of them are of dead ones. */
class Tally {
  readonly #threads: Threads;
  any = false;
  #pid = 0;
  #living = false;

  constructor(threads: Threads) {
    this.#threads = threads;
  }

  count(cells: Int32Array, place: number): void {
    this.any = true;
    if (this.#living) return;
    if (isDeadAt(this.#threads, cells, place)) this.#pid = cells[place + PID]!;
    else this.#living = true;
  }

  get lostPid(): number | undefined {
    return this.any && !this.#living ? this.#pid : undefined;
  }
}
