/**
 * A list of isolates in shared memory: the readers of an RwLock, the parties of a Barrier. It shows
 * which of them are dead.
 *
 * Each member has two words (`holder.ts`): its number (0: nobody) and its fingerprint (0: not yet). The
 * fingerprint is cleared before the number is, so that it never stands beside a foreign one. The word
 * before the list says how far the list was ever used, so that nobody has to look further.
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

  /** Enters this isolate; once more if it is in already. @returns its slot; undefined if it is full */
  enter(cells: Int32Array): number | undefined {
    const { number, fingerprint } = this.#threads.self();
    for (let at = this.#first; at < cells.length; at += 2) {
      // The load only spares the costlier exchange; the exchange makes the slot this thread's own.
      if (Atomics.load(cells, at) !== 0) continue;
      // Before the number is written: a thread that goes through the list must not stop short of it.
      this.#reachTo(cells, at + 2);
      if (Atomics.compareExchange(cells, at, 0, number) !== 0) continue;
      cells[at + 1] = fingerprint;
      return at;
    }
    // All slots are taken, so the end must have reached all of them. Otherwise others do not see them,
    // and nobody ever drops them.
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

  /** Takes this isolate out. */
  leave(cells: Int32Array, at: number): void {
    // Memory that was cut off or overwritten meanwhile may be somebody else's slot now.
    if (cells[at + 1] !== this.#threads.self().fingerprint) return;
    cells[at + 1] = 0;
    // Pairs with the load in `count`: what this member did before is seen by whoever finds it gone.
    Atomics.store(cells, at, 0);
  }

  /** Takes all out. */
  clear(cells: Int32Array): void {
    cells.fill(0, this.#first);
  }

  /** The slots that are taken. */
  *taken(cells: Int32Array): Generator<number> {
    const end = this.#end(cells);
    for (let at = this.#first; at < end; at += 2) if (Atomics.load(cells, at) !== 0) yield at;
  }

  /** Whether this isolate is in. */
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

  /** How many there are, the slot `except` left out. */
  count(cells: Int32Array, except = -1): number {
    let count = 0;
    const end = this.#end(cells);
    for (let at = this.#first; at < end; at += 2) {
      if (at !== except && Atomics.load(cells, at) !== 0) count++;
    }
    return count;
  }

  /** Takes the dead out. */
  dropDead(cells: Int32Array): void {
    const end = this.#end(cells);
    for (let at = this.#first; at < end; at += 2) {
      const dead = this.deadAt(cells, at);
      // Both words at once: somebody else may have taken the dead member out, and a living one may have
      // entered.
      if (dead !== undefined) exchangePair(cells, at, dead, [0, 0]);
    }
  }

  /** The member in a slot, if it is dead. */
  deadAt(cells: Int32Array, at: number): Pair | undefined {
    const number = Atomics.load(cells, at);
    if (number === 0) return undefined;
    const fingerprint = Atomics.load(cells, at + 1);
    if (!this.#threads.isDead(number, fingerprint)) return undefined;
    // What was read may have been of two members, one after the other: the number of one that lives,
    // and is out, beside the next one's fingerprint.
    const isSame = Atomics.load(cells, at) === number &&
      Atomics.load(cells, at + 1) === fingerprint;
    return isSame ? [number, fingerprint] : undefined;
  }
}
