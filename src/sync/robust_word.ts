/**
 * The lock word that Mutex, RwLock and Barrier are built on: exclusive, and recovered from a holder
 * that died.
 *
 * | word | bits | what |
 * |---|---|---|
 * | STATE | 0-29 | the holder's thread number; 0: free |
 * | | 30 RECOVERED_BIT | just taken from a dead holder: FINGERPRINT is still the dead one's |
 * | | 31 WAITERS_BIT | somebody may sleep on this word |
 * | FINGERPRINT | | the holder's fingerprint; 0: not known (yet) |
 *
 * FINGERPRINT is 0 whenever STATE is free, and is written by the holder alone, right after it took
 * the word and right before it gives it back. So whoever sees a thread number in STATE sees beside it
 * either 0 or that thread's fingerprint; RECOVERED_BIT marks the one moment when that is not so.
 */

import type { Threads } from "./holder.ts";
import type { Words } from "./words.ts";

const TID_MASK = 0x3fffffff;
const RECOVERED_BIT = 0x40000000;
const WAITERS_BIT = 0x80000000 | 0;

/** How a lock word was got. */
export type Taken = "taken" | "recovered";

/** A lock word at `index`, its fingerprint in the next word. */
export class RobustWord {
  readonly words: Words;
  readonly index: number;
  readonly #threads: Threads;

  constructor(words: Words, index: number, threads: Threads) {
    this.words = words;
    this.index = index;
    this.#threads = threads;
  }

  /** The thread that holds it; 0 if it is free. */
  get holder(): number {
    return Atomics.load(this.words.cells, this.index) & TID_MASK;
  }

  /** Whether this very thread holds it. */
  get isOwn(): boolean {
    return this.holder === this.#threads.self().tid;
  }

  /** Takes it if it is free and nobody waits: the way without contention. */
  tryTake(): boolean {
    const { tid, fingerprint } = this.#threads.self();
    const { cells } = this.words;
    // Pairs with the exchange in `release`: what the last holder wrote is seen from here on. A load
    // and a store would let two threads in.
    if (Atomics.compareExchange(cells, this.index, 0, tid) !== 0) return false;
    cells[this.index + 1] = fingerprint;
    return true;
  }

  /** Takes it if it is free or its holder is dead. */
  takeNow(): Taken | undefined {
    while (true) {
      const state = Atomics.load(this.words.cells, this.index);
      if ((state & TID_MASK) === 0) {
        if (this.#take(state, 0)) return "taken";
      } else if (this.#holderDied(state, this.#threads.isDead)) {
        if (this.#recover(state)) return "recovered";
      } else {
        return undefined;
      }
    }
  }

  /** Takes it if its holder is dead, and only then. */
  takeIfDead(): boolean {
    const state = Atomics.load(this.words.cells, this.index);
    if ((state & TID_MASK) === 0) return false;
    return this.#holderDied(state, this.#threads.isDead) && this.#recover(state);
  }

  /**
   * Takes it if it is free, or, if `thorough`, if its holder is dead. Else leaves WAITERS_BIT, so that
   * the holder will wake this thread.
   *
   * @param waited whether this thread has slept on it: then others may sleep still
   * @returns undefined if it is held; `expected` then is the value to wait on
   */
  takeOrWait(waited: boolean, thorough: boolean): Taken | undefined {
    const { cells } = this.words;
    while (true) {
      const state = Atomics.load(cells, this.index);
      if ((state & TID_MASK) === 0) {
        if (this.#take(state, waited ? WAITERS_BIT : 0)) return "taken";
        continue;
      }
      if (thorough && this.#holderDied(state, this.#threads.isDeadLately)) {
        if (this.#recover(state)) return "recovered";
      } else if (this.#announce(state)) {
        return undefined;
      }
    }
  }

  /**
   * For those who only want it to be free: if `thorough`, takes it from a dead holder, else leaves
   * WAITERS_BIT.
   *
   * @returns undefined if it is held; `expected` then is the value to wait on
   */
  freeOrWait(thorough: boolean): "free" | "recovered" | undefined {
    const { cells } = this.words;
    while (true) {
      const state = Atomics.load(cells, this.index);
      if ((state & TID_MASK) === 0) return "free";
      if (thorough && this.#holderDied(state, this.#threads.isDead)) {
        if (this.#recover(state)) return "recovered";
      } else if (this.#announce(state)) {
        return undefined;
      }
    }
  }

  /** Leaves WAITERS_BIT beside a holder; false if the word has changed meanwhile. */
  #announce(state: number): boolean {
    // An exchange and not an `or`: a holder that has just released would leave the bit on a free
    // word, and this thread would sleep for nothing.
    const waiting = state | WAITERS_BIT;
    if (
      state !== waiting &&
      Atomics.compareExchange(this.words.cells, this.index, state, waiting) !== state
    ) return false;
    this.expected = waiting;
    return true;
  }

  /** The value to wait on, after `takeOrWait` returned undefined. */
  expected = 0;

  /** Takes a free word; its own WAITERS_BIT stays. */
  #take(state: number, bits: number): boolean {
    const { tid, fingerprint } = this.#threads.self();
    const { cells } = this.words;
    if (Atomics.compareExchange(cells, this.index, state, state | tid | bits) !== state) {
      return false;
    }
    cells[this.index + 1] = fingerprint;
    return true;
  }

  #holderDied(state: number, isDead: Threads["isDead"]): boolean {
    const fingerprint = (state & RECOVERED_BIT) === 0
      ? Atomics.load(this.words.cells, this.index + 1)
      : 0;
    const tid = state & TID_MASK;
    if (!isDead(tid, fingerprint)) return false;
    // The fingerprint may have been a later holder's: only with the same state it was this one's.
    return Atomics.load(this.words.cells, this.index) === state;
  }

  #recover(state: number): boolean {
    const { cells } = this.words;
    const { tid, fingerprint } = this.#threads.self();
    // From here to the last line the fingerprint is the dead one's, and RECOVERED_BIT says so.
    // WAITERS_BIT, because the dead holder's waiters are there still.
    const mine = tid | RECOVERED_BIT | WAITERS_BIT;
    if (Atomics.compareExchange(cells, this.index, state, mine) !== state) return false;
    Atomics.store(cells, this.index + 1, fingerprint);
    Atomics.and(cells, this.index, ~RECOVERED_BIT);
    return true;
  }

  /** Gives it back and wakes one waiter, or all. By the holder only. */
  release(wakeCount = 1): void {
    const { cells } = this.words;
    cells[this.index + 1] = 0;
    // Pairs with the compareExchange of whoever takes it next: an exchange, because the waiters' bit
    // must be seen in the same instant in which the word gets free.
    const state = Atomics.exchange(cells, this.index, 0);
    if ((state & WAITERS_BIT) !== 0) this.words.wake(this.index, wakeCount);
  }

  /** Gives up waiting: passes a wake-up on that this thread may have got and will not use. */
  passOn(): void {
    this.words.wake(this.index, 1);
  }
}
