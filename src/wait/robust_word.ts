/**
 * The lock word that Mutex, RwLock and Barrier are built on. One isolate holds it at a time, and it is
 * taken back from a holder that died.
 *
 * | word | bits | what |
 * |---|---|---|
 * | STATE | 0-29 | the holder's number (`holder.ts`); 0: free |
 * | | 31 WAITERS_BIT | somebody may sleep on this word |
 * | FINGERPRINT | | the holder's fingerprint; 0: not written |
 *
 * FINGERPRINT is 0 whenever STATE is free, and is written by the holder alone, right after it took
 * the word and right before it gives it back. So beside a number in STATE there is always either 0
 * or its holder's fingerprint. The number alone identifies a living holder. So a holder that dies
 * between the two stores is recognised too, and one exchange of 32 bits takes the word (64 bits
 * would take half as long again). A thread that reads the two words one after the other may see two
 * holders. So a dead holder's word is taken by exchanging both words at once.
 */

import { damaged } from "./damage.ts";
import { NO_BIT, NUMBER_MASK, type Threads } from "./holder.ts";
import { exchangePair, type Pair } from "./pair.ts";
import type { Words } from "./words.ts";

const WAITERS_BIT = 0x80000000 | 0;

/** How a lock word was taken: free, or from a dead holder. */
export type Taken = "taken" | "recovered";

/** A lock word at `index`, its fingerprint in the next word. */
export class RobustWord {
  readonly words: Words;
  readonly index: number;
  readonly #threads: Threads;

  constructor(words: Words, index: number) {
    this.words = words;
    this.index = index;
    this.#threads = words.threads;
  }

  /** The holder's number; 0 if it is free. */
  get holder(): number {
    return this.#state & NUMBER_MASK;
  }

  /** @throws {Deno.errors.InvalidData} If a bit is set that has no meaning. */
  get #state(): number {
    const state = Atomics.load(this.words.cells, this.index);
    if ((state & NO_BIT) === 0) return state;
    throw damaged("lock", state);
  }

  /** Whether this isolate holds it. */
  get isOwn(): boolean {
    const isOwn = this.#threads.isSelf(this.holder, this.#fingerprint);
    this.words.lossWatch.check();
    return isOwn;
  }

  /** Whether its holder is dead. This does not take the word. */
  get isLost(): boolean {
    const { cells } = this.words;
    const state = this.#state;
    if ((state & NUMBER_MASK) === 0) return false;
    const dead = this.#deadHolder(state);
    // The reads may have seen two different holders: then the words have changed.
    return dead !== undefined && this.#fingerprint === dead[1] &&
      ((Atomics.load(cells, this.index) ^ state) & NUMBER_MASK) === 0;
  }

  get #fingerprint(): number {
    return Atomics.load(this.words.cells, this.index + 1);
  }

  /**
   * Takes it if it is free and nobody waits: the fast path.
   *
   * @param cells those of `words`, if the caller has just got them
   */
  tryTake(cells: Int32Array = this.words.cells): boolean {
    const { number, fingerprint } = this.#threads.self();
    // Pairs with the exchange in `release`: what the last holder wrote is seen from here on. A load
    // and a store would let two threads in.
    if (Atomics.compareExchange(cells, this.index, 0, number) !== 0) return false;
    cells[this.index + 1] = this.#mine = fingerprint;
    this.#taken();
    return true;
  }

  /**
   * Checks for losses after the word was written: a word in a lost page does not count as taken.
   */
  #taken(): void {
    const { lossWatch } = this.words;
    lossWatch.check();
    this.#epoch = lossWatch.epoch;
  }

  /** The loss epoch in which it was taken last: see `release`. */
  get epoch(): number {
    return this.#epoch;
  }

  #epoch = 0;
  /** The fingerprint with which it was taken last. */
  #mine = 0;

  /** Takes it if it is free or its holder is dead. */
  takeNow(): Taken | undefined {
    while (true) {
      const state = this.#state;
      if ((state & NUMBER_MASK) === 0) {
        if (this.#take(state, 0)) return "taken";
        continue;
      }
      const dead = this.#deadHolder(state);
      if (dead === undefined) {
        this.words.lossWatch.check();
        return undefined;
      }
      if (this.#recover(dead)) return "recovered";
    }
  }

  /** Takes it if its holder is dead, and only then. */
  takeIfDead(): boolean {
    const state = this.#state;
    if ((state & NUMBER_MASK) === 0) return false;
    const dead = this.#deadHolder(state);
    return dead !== undefined && this.#recover(dead);
  }

  /**
   * Takes it if it is free, or, if `thorough`, if its holder is dead. Otherwise it sets
   * WAITERS_BIT, so that the holder will wake this thread.
   *
   * @param waited whether this thread has slept on it: then others may still sleep
   * @returns undefined if it is held; `expected` then is the value to wait on
   */
  takeOrWait(waited: boolean, thorough: boolean): Taken | undefined {
    while (true) {
      const state = this.#state;
      if ((state & NUMBER_MASK) === 0) {
        if (this.#take(state, waited ? WAITERS_BIT : 0)) return "taken";
        continue;
      }
      const dead = thorough ? this.#deadHolder(state) : undefined;
      if (dead !== undefined) {
        if (this.#recover(dead)) return "recovered";
      } else if (this.#announce(state)) {
        return undefined;
      }
    }
  }

  /**
   * Waits for the word to be free, without taking it. If `thorough`, this takes it from a dead
   * holder. Otherwise it sets WAITERS_BIT.
   *
   * @returns undefined if it is held; `expected` then is the value to wait on
   */
  freeOrWait(thorough: boolean): "free" | "recovered" | undefined {
    while (true) {
      const state = this.#state;
      if ((state & NUMBER_MASK) === 0) return "free";
      const dead = thorough ? this.#deadHolder(state) : undefined;
      if (dead !== undefined) {
        if (this.#recover(dead)) return "recovered";
      } else if (this.#announce(state)) {
        return undefined;
      }
    }
  }

  /** Sets WAITERS_BIT beside a holder; false if the word has changed meanwhile. */
  #announce(state: number): boolean {
    // A compare-and-exchange and not an `or`: if the holder has just released the word, an `or`
    // would leave the bit on a free word, and this thread would sleep for nothing.
    const waiting = state | WAITERS_BIT;
    if (
      state !== waiting &&
      Atomics.compareExchange(this.words.cells, this.index, state, waiting) !== state
    ) return false;
    this.words.lossWatch.check();
    this.expected = waiting;
    return true;
  }

  /** The value to wait on, after `takeOrWait` returned undefined. */
  expected = 0;

  /** Takes a free word; its own WAITERS_BIT stays. */
  #take(state: number, bits: number): boolean {
    const { number, fingerprint } = this.#threads.self();
    const { cells } = this.words;
    if (Atomics.compareExchange(cells, this.index, state, state | number | bits) !== state) {
      return false;
    }
    cells[this.index + 1] = this.#mine = fingerprint;
    this.#taken();
    return true;
  }

  /** Both words, if they name a holder that is dead. */
  #deadHolder(state: number): Pair | undefined {
    const fingerprint = this.#fingerprint;
    return this.#threads.isDead(state & NUMBER_MASK, fingerprint)
      ? [state, fingerprint]
      : undefined;
  }

  /** Takes it from a dead holder. @returns false if the words have changed */
  #recover(dead: Pair): boolean {
    const { number, fingerprint } = this.#threads.self();
    // Both at once: the fingerprint may have been read a moment later, from another holder, and the
    // first one, which is alive, may hold the word again. WAITERS_BIT is set because the dead
    // holder's waiters are still there.
    const named: Pair = [number | WAITERS_BIT, fingerprint];
    if (!exchangePair(this.words.cells, this.index, dead, named)) return false;
    this.#taken();
    return true;
  }

  /**
   * Gives it back and wakes one waiter, or all. Only the thread that took it may call this. It does
   * nothing if the thread no longer holds the word: its memory was lost, cut off or overwritten,
   * and somebody else may hold it.
   *
   * @param epoch the loss epoch in which it was taken
   */
  release(wakeCount = 1, epoch = this.#epoch): void {
    const { cells, lossWatch } = this.words;
    if (epoch !== lossWatch.epoch) return;
    const there = cells[this.index + 1];
    // The new fingerprint, if the token was renewed since.
    if (there === this.#mine || there === this.#threads.self().fingerprint) {
      this.#free(cells, wakeCount);
    } else void lossWatch.intact;
  }

  #free(cells: Int32Array, wakeCount: number): void {
    cells[this.index + 1] = 0;
    // If the page is lost, the store reached nobody, and this check gives up the token. It comes
    // before the exchange, which would delay the load.
    void this.words.lossWatch.intact;
    // Pairs with the compareExchange of the next holder. It is an exchange, because the waiters'
    // bit must be read in the same step that frees the word.
    const state = Atomics.exchange(cells, this.index, 0);
    if ((state & WAITERS_BIT) !== 0) this.words.wake(this.index, wakeCount);
  }

  /** Gives up waiting: passes on a wake-up that this thread may have received and will not use. */
  passOn(): void {
    this.words.wake(this.index, 1);
  }
}
