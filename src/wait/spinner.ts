/** Spinning: looking again and again for a short time before a thread sleeps. */

/** Something to look for, such as an `Attempt`. */
interface Look<T> {
  /** @returns undefined if it is not there yet */
  attempt(): T | undefined;
}

/** How one spinner spins. */
interface SpinnerPlan {
  /** The longest spin, in pauses of about 30 ns. */
  readonly most: number;
  /**
   * The longest break between two looks, in pauses. Breaks grow up to it, since each look takes the
   * word's cache line from the thread that is about to write it.
   *
   * @default {1}
   */
  readonly longestBreak?: number;
  /**
   * Whether every spin may take the longest time. By default spins are short after recent ones have
   * failed.
   *
   * @default {false}
   */
  readonly steady?: boolean;
  /**
   * How often it spins for the longest time, to notice that spinning has become useful again: once in so
   * many spins.
   *
   * @default {256}
   */
  readonly probeEvery?: number;
}

/**
 * Spins on behalf of the users of one object, or of one kind of lock, before they sleep. If the
 * holder sleeps too, spinning costs twice: the time of the looks, and the processor that the holder
 * could have used. So it spins for long only if that was useful lately.
 */
export class Spinner {
  /** False disables all spinners, for tests that drive the algorithms step by step. */
  static enabled = true;

  readonly #most: number;
  readonly #longestBreak: number;
  readonly #steady: boolean;
  readonly #probeEvery: number;
  /** The length that was useful lately, in pauses. */
  #useful: number;
  #calls = 0;

  constructor({ most, longestBreak = 1, steady = false, probeEvery = 256 }: SpinnerPlan) {
    this.#most = this.#useful = most;
    this.#longestBreak = longestBreak;
    this.#steady = steady;
    this.#probeEvery = probeEvery;
  }

  /** Looks until something is there, or the time is over. */
  spin<T>(look: Look<T>): T | undefined {
    if (!Spinner.enabled) return undefined;
    const moment = ++this.#calls % this.#probeEvery === 0 ? this.#most : this.#useful;
    let spent = 0;
    for (let rest = 1; spent < moment; rest = Math.min(2 * rest, this.#longestBreak)) {
      const result = look.attempt();
      if (result !== undefined) {
        if (spent > 0) this.#learn(2 * Math.max(spent, this.#useful));
        return result;
      }
      for (let i = 0; i < rest; i++) pause();
      spent += rest;
    }
    this.#learn(this.#useful >> 1);
    return undefined;
  }

  #learn(useful: number): void {
    if (!this.#steady) this.#useful = Math.max(1, Math.min(useful, this.#most));
  }
}

/** Tells the processor that this thread spins; the types do not know it yet. */
const pause: () => void = (Atomics as unknown as { pause?: () => void }).pause ?? (() => {});
