/**
 * Isolates that sleep in their event loops, in a table of the first page of every kind of channel
 * (`layout.ts`). Each has a doorbell, a pipe that its event loop reads: a byte in it wakes the
 * isolate, with no call that is parked on another thread.
 *
 * The state of a slot names its doorbell, so that nothing that was meant for one owner of the slot
 * changes what the next one says:
 *
 * | bits | what |
 * |---|---|
 * | 0, 1 | REFUSED: somebody cannot reach the doorbell; UNTRIED: nobody has reached it yet; AWAKE; ASLEEP |
 * | 2-31 | the doorbell's number |
 *
 * While it is UNTRIED or REFUSED, its owner waits by the words themselves. So a peer that cannot
 * reach the doorbell wakes it all the same, but for one time at most: when a second peer comes, for
 * which nobody could try. Then the owner looks by itself after a slice of its wait.
 */

import type { Doorbell, DoorbellSystem } from "../os/system.ts";
import type { Threads } from "../wait/holder.ts";
import { Members } from "../wait/members.ts";
import { DOORBELL_LIST, DOORBELLS, MOST_DOORBELLS } from "./layout.ts";

/** Words of a slot. */
const WORDS_EACH = 4;
const PID = 1;
const FD = 2;

const REFUSED = 0;
const UNTRIED = 1;
const AWAKE = 2;
const ASLEEP = 3;
const STATE_BITS = 3;

/** Takes a slot for this isolate. @returns its first word; undefined if there is none left */
export function enterDoorbell(
  cells: Int32Array,
  threads: Threads,
  { number, pid, fd }: Doorbell,
): number | undefined {
  const list = cells.subarray(0, DOORBELL_LIST + 2 * MOST_DOORBELLS);
  const members = new Members(DOORBELL_LIST, threads);
  // Nobody leaves, so that the dead are those who have closed the memory, too.
  members.dropDead(list);
  const member = members.enter(list);
  if (member === undefined) return undefined;
  const slot = DOORBELLS + WORDS_EACH * (member - DOORBELL_LIST) / 2;
  cells[slot + PID] = pid;
  cells[slot + FD] = fd;
  // Last: pairs with the load in `ring`, which sees the other words if it sees this.
  Atomics.store(cells, slot, number << 2 | UNTRIED);
  return slot;
}

/**
 * Announces that the owner of a slot sleeps. It has to look at its word again after this: either
 * that look finds what has changed, or whoever changed it finds this.
 *
 * @returns false if others may be unable to ring
 */
export function fallAsleep(cells: Int32Array, slot: number, number: number): boolean {
  const asleep = number << 2 | ASLEEP;
  // Pairs with the load in `ring`.
  const before = Atomics.compareExchange(cells, slot, number << 2 | AWAKE, asleep);
  return before === (number << 2 | AWAKE) || before === asleep;
}

/** Whether the owner of a slot sleeps, and nobody has rung since. */
export function isAsleep(cells: Int32Array, slot: number, number: number): boolean {
  return Atomics.load(cells, slot) === (number << 2 | ASLEEP);
}

/** The owner of a slot sleeps no longer. */
export function rise(cells: Int32Array, slot: number, number: number): void {
  Atomics.compareExchange(cells, slot, number << 2 | ASLEEP, number << 2 | AWAKE);
}

/** The isolates that sleep in their event loops, each as the words of its name; for whoever only looks. */
export function asleepIn(
  cells: Int32Array,
): { number: number; fingerprint: number; pid: number }[] {
  return Array.from({ length: MOST_DOORBELLS }, (_, i) => {
    const [member, slot] = [DOORBELL_LIST + 2 * i, DOORBELLS + WORDS_EACH * i];
    const isAsleep = cells[member] !== 0 && (cells[slot]! & STATE_BITS) === ASLEEP;
    if (!isAsleep) return undefined;
    return { number: cells[member]!, fingerprint: cells[member + 1]!, pid: cells[slot + PID]! };
  }).filter((sleeper) => sleeper !== undefined);
}

/** The ways from this isolate to the doorbells of one table. */
export class Ropes {
  readonly #system: DoorbellSystem;
  readonly #ropes = new Map<number, { readonly number: number; readonly rope: number }>();

  constructor(system: DoorbellSystem) {
    this.#system = system;
  }

  /** Rings for all who sleep, after the word that they wait for was changed. */
  ring(cells: Int32Array): void {
    // What other processes wrote there is no length.
    const count = Math.min(
      Atomics.load(cells, DOORBELL_LIST - 1) - DOORBELL_LIST >> 1,
      MOST_DOORBELLS,
    );
    for (let i = 0; i < count; i++) this.#ringAt(cells, DOORBELLS + WORDS_EACH * i);
  }

  #ringAt(cells: Int32Array, slot: number): void {
    // After the change of the word: pairs with the exchange in `fallAsleep`, which comes before a look
    // at that word.
    const state = Atomics.load(cells, slot);
    if ((state & STATE_BITS) !== ASLEEP && (state & STATE_BITS) !== UNTRIED) return;
    const rope = this.#ropeTo(cells, slot, state >>> 2);
    const next = state & ~STATE_BITS | (rope === undefined ? REFUSED : AWAKE);
    // Of several who ring, one does. If that one dies before it has, the owner finds itself AWAKE.
    if (Atomics.compareExchange(cells, slot, state, next) !== state) return;
    if (rope !== undefined && (state & STATE_BITS) === ASLEEP) this.#system.ring(rope);
  }

  #ropeTo(cells: Int32Array, slot: number, number: number): number | undefined {
    const known = this.#ropes.get(slot);
    if (known?.number === number) return known.rope;
    this.#ropes.delete(slot);
    if (known !== undefined) this.#system.drop(known.rope);
    const rope = this.#system.reach({ number, pid: cells[slot + PID]!, fd: cells[slot + FD]! });
    if (rope !== undefined) this.#ropes.set(slot, { number, rope });
    return rope;
  }

  close(): void {
    for (const { rope } of this.#ropes.values()) this.#system.drop(rope);
    this.#ropes.clear();
  }
}
