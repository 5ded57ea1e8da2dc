/** Looking again and again for a moment, before somebody sleeps. */

import { pause } from "../wait/attempt.ts";

/**
 * The longest moment, in pauses of about 30 ns: longer than it takes to wake the other end, or two
 * that wake each other would never find out that they need not sleep.
 */
const MOST_PAUSES = 4096;

/** Every so many times the longest moment is tried, or it would not be seen that it is of use again. */
const PROBE_EVERY = 256;

/** The looks of one end. It looks for long where that was of use lately, and else hardly at all. */
export class Spinner {
  readonly #longestBreak: number;
  #useful = MOST_PAUSES;
  #calls = 0;

  /**
   * @param longestBreak in pauses. The breaks between looks grow up to here: each look takes the word
   * from the cache of the other end, who is about to write it
   */
  constructor(longestBreak: number) {
    this.#longestBreak = longestBreak;
  }

  /** Looks until something is there, or the moment is over. */
  spin<T>(look: () => T | undefined): T | undefined {
    const most = ++this.#calls % PROBE_EVERY === 0 ? MOST_PAUSES : this.#useful;
    let spent = 0;
    for (let rest = 1; spent < most; rest = Math.min(2 * rest, this.#longestBreak)) {
      const result = look();
      if (result !== undefined) {
        if (spent > 0) this.#useful = Math.min(2 * Math.max(spent, this.#useful), MOST_PAUSES);
        return result;
      }
      for (let i = 0; i < rest; i++) pause();
      spent += rest;
    }
    this.#useful = Math.max(1, this.#useful >> 1);
    return undefined;
  }
}
