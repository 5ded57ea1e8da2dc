/**
 * A list of isolates in shared memory: the readers of an RwLock, the parties of a Barrier. Dead
 * ones can be recognised.
 *
 * Each member has two words (`holder.ts`): its number (0: the slot is free) and its fingerprint (0:
 * not written yet). The fingerprint is cleared before the number, so that it is never beside
 * another member's number. The word before the list is the end of the slots that were ever used, so
 * that nobody has to look further.
 */

import { damaged } from "./damage.ts";
import type { Threads } from "./holder.ts";
import { exchangePair, type Pair } from "./pair.ts";

/** The members at `first` (even), `first + 2`, ... of `cells`, up to its end. */
export class Members {
  readonly #threads: Threads;
  readonly #first: number;

  constructor(first: number, threads: Threads) {
    this.#threads = threads;
    this.#first = first;
  }

  /**
   * Enters this isolate, again if it is in the list already. @returns its slot; undefined if it is
   * full
   */
  enter(cells: Int32Array): number | undefined {
    const { number, fingerprint } = this.#threads.self();
    for (let at = this.#first; at < cells.length; at += 2) {
      // The load only avoids the costlier exchange; the exchange takes the slot.
      if (Atomics.load(cells, at) !== 0) continue;
      // Before the number is written: a thread that scans the list must not stop before this slot.
      this.#reachTo(cells, at + 2);
      if (Atomics.compareExchange(cells, at, 0, number) !== 0) continue;
      cells[at + 1] = fingerprint;
      return at;
    }
    // All slots are taken, so the end must be behind the last one. Otherwise others would not see
    // some members, and nobody would ever drop them.
    const end = this.#end(cells);
    if (end < cells.length) throw damaged("lock", end);
    return undefined;
  }

  #reachTo(cells: Int32Array, end: number): void {
    for (let known = this.#end(cells); known < end;) {
      const seen = Atomics.compareExchange(cells, this.#first - 1, known, end);
      known = seen === known ? end : this.#end(cells);
    }
  }

  /**
   * The end of the last slot that was ever used.
   *
   * @throws {Deno.errors.InvalidData} If no slot ends there.
   */
  #end(cells: Int32Array): number {
    const end = Atomics.load(cells, this.#first - 1);
    const isSlotEnd = end >= this.#first && end <= cells.length && (end - this.#first) % 2 === 0;
    if (isSlotEnd || end === 0) return end;
    throw damaged("lock", end);
  }

  /** Removes this isolate. */
  leave(cells: Int32Array, at: number): void {
    // If the memory was cut off or overwritten meanwhile, the slot may belong to somebody else now.
    if (cells[at + 1] !== this.#threads.self().fingerprint) return;
    cells[at + 1] = 0;
    // Pairs with the load in `count`: what this member did before is seen by whoever finds it gone.
    Atomics.store(cells, at, 0);
  }

  /** Removes all members. */
  clear(cells: Int32Array): void {
    cells.fill(0, this.#first);
  }

  /** The slots that are taken. */
  *taken(cells: Int32Array): Generator<number> {
    const end = this.#end(cells);
    for (let at = this.#first; at < end; at += 2) if (Atomics.load(cells, at) !== 0) yield at;
  }

  /** Whether this isolate is in the list. */
  hasSelf(cells: Int32Array): boolean {
    const end = this.#end(cells);
    for (let at = this.#first; at < end; at += 2) {
      const number = Atomics.load(cells, at);
      if (number !== 0 && this.#threads.isSelf(number, Atomics.load(cells, at + 1))) return true;
    }
    return false;
  }

  /** Whether there is no free slot. */
  isFull(cells: Int32Array): boolean {
    return this.count(cells) === (cells.length - this.#first) / 2;
  }

  /** How many members there are, not counting the slot `except`. */
  count(cells: Int32Array, except = -1): number {
    let count = 0;
    const end = this.#end(cells);
    for (let at = this.#first; at < end; at += 2) {
      if (at !== except && Atomics.load(cells, at) !== 0) count++;
    }
    return count;
  }

  /** Removes dead members. */
  dropDead(cells: Int32Array): void {
    const end = this.#end(cells);
    for (let at = this.#first; at < end; at += 2) {
      const dead = this.deadAt(cells, at);
      // Both words at once: somebody else may have removed the dead member, and a living one may
      // have entered.
      if (dead !== undefined) exchangePair(cells, at, dead, [0, 0]);
    }
  }

  /** The member in a slot, if it is dead. */
  deadAt(cells: Int32Array, at: number): Pair | undefined {
    const number = Atomics.load(cells, at);
    if (number === 0) return undefined;
    const fingerprint = Atomics.load(cells, at + 1);
    if (!this.#threads.isDead(number, fingerprint)) return undefined;
    // The two reads may have seen two different members: the number of a living one that has left,
    // and the next one's fingerprint.
    const isSame = Atomics.load(cells, at) === number &&
      Atomics.load(cells, at + 1) === fingerprint;
    return isSame ? [number, fingerprint] : undefined;
  }
}
