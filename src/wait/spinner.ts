/** Spinning: looking again and again for a moment, before a thread sleeps. */

/** What is looked for. An `Attempt` is one. */
interface Look<T> {
  /** @returns undefined if it is not there yet */
  attempt(): T | undefined;
}

/** How one spinner spins. */
interface SpinnerPlan {
  /** The longest moment, in pauses of about 30 ns. */
  readonly most: number;
  /**
   * The breaks between looks grow up to here, in pauses: each look takes the word from the cache of
   * whoever is about to write it.
   *
   * @default {1}
   */
  readonly longestBreak?: number;
  /**
   * Whether every moment is as long as the longest. By default it is short where it was in vain lately.
   *
   * @default {false}
   */
  readonly steady?: boolean;
}

/**
 * Every so many times a spinner spins for the longest moment, or it would not be seen that this is of
 * use again.
 */
const PROBE_EVERY = 256;

/**
 * Spins before those sleep who have one object, or one kind of lock, in common. Where whoever is in
 * the way sleeps too, spinning is lost twice: the time of the looks, and the processor that the woken
 * one could have had. So it spins for long where that was of use lately, and else hardly at all.
 */
export class Spinner {
  /** False: no spinner looks at all. A test that drives the algorithms step by step wants that. */
  static enabled = true;

  readonly #most: number;
  readonly #longestBreak: number;
  readonly #steady: boolean;
  /** What was of use lately, in pauses. */
  #useful: number;
  #calls = 0;

  constructor({ most, longestBreak = 1, steady = false }: SpinnerPlan) {
    this.#most = this.#useful = most;
    this.#longestBreak = longestBreak;
    this.#steady = steady;
  }

  /** Looks until something is there, or the moment is over. */
  spin<T>(look: Look<T>): T | undefined {
    if (!Spinner.enabled) return undefined;
    const moment = ++this.#calls % PROBE_EVERY === 0 ? this.#most : this.#useful;
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
