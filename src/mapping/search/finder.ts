/**
 * Finding a needle of two bytes and more.
 *
 * `memmem` is linear for every input, and slow: it looks at each place anew. The search for two bytes
 * at their distance in the needle looks at 128 places at once, as fast as memory delivers them, and
 * compares the needle where both are found. That is quicker as long as there are few such
 * candidates. So the search begins with `memmem`, chooses two bytes by a sample of what it has passed,
 * and continues with them. If there are too many candidates it falls back to `memmem` for a while, so
 * that it stays linear.
 *
 * Only memory in the given range is touched, and beyond the first match only the rest of a step.
 */

import { system } from "../../os/mod.ts";
import type { LoadedNeedle } from "./needle.ts";
import { choosePair, findByByte, type Pair } from "./pair.ts";

/** How far `memmem` goes before anything else is tried. */
const FIRST_STRETCH = 65_536n;
/** How many times as long each choice holds as the one before. */
const GROWTH = 8n;
const LONGEST_STRETCH = 256n << 20n;
/** If there are more candidates for each byte than this, `memmem` is quicker; measured on x86-64. */
const MOST_PAIRS = 1 / 64;
const MOST_BYTES = 1 / 128;

/** One needle's search, which remembers what it learned from one match to the next. */
export class Finder {
  readonly #needle: LoadedNeedle;
  /** What is looked for; undefined: the whole needle, by `memmem`. */
  #pair: Pair | undefined;
  #start = 0n;
  #until = 0n;
  #stretch = FIRST_STRETCH;

  constructor(needle: LoadedNeedle) {
    this.#needle = needle;
  }

  /** Restarts at another place, perhaps before the last one, and keeps what it has learned. */
  begin(start: bigint): void {
    this.#start = start;
    if (this.#pair === undefined) this.#stretch = FIRST_STRETCH;
    this.#until = start + this.#reach();
  }

  /**
   * The first place of the needle in [start, end), or 0n. After `begin`, each call continues after
   * the previous one.
   */
  next(start: bigint, end: bigint): bigint {
    const { size } = this.#needle;
    if (start + size > end) return 0n;
    const behind = end - size + 1n;
    let at = start;
    while (at < behind) {
      if (at >= this.#until) this.#use(this.#choose(at), at);
      const stop = this.#until < behind ? this.#until : behind;
      const found = this.#search(at, stop);
      if (found > 0n) return found;
      at = found === 0n ? stop : -found;
      if (found < 0n) this.#use(undefined, at);
    }
    return 0n;
  }

  /** See `FindPair`. */
  #search(at: bigint, stop: bigint): bigint {
    const { find, pairFinder } = system().bytes;
    const { address, size } = this.#needle;
    if (this.#pair === undefined) return find(at, stop - at + size - 1n, address, size);
    const { one, other } = this.#pair;
    const findPair = pairFinder?.();
    if (findPair === undefined) return findByByte(at, stop, this.#needle, one);
    return findPair(at, stop, address, size, one, other);
  }

  /** Continues with a pair or `memmem`, each time for longer. */
  #use(pair: Pair | undefined, at: bigint): void {
    const longer = this.#stretch * GROWTH;
    this.#stretch = longer < LONGEST_STRETCH ? longer : LONGEST_STRETCH;
    this.#pair = pair;
    this.#until = at + this.#reach();
  }

  /** How far a choice reaches. */
  #reach(): bigint {
    // A long needle costs `memmem` some preparation in each call.
    const least = this.#needle.size * GROWTH;
    return this.#stretch > least ? this.#stretch : least;
  }

  /** Decides how to continue after a stretch was searched. */
  #choose(at: bigint): Pair | undefined {
    const pair = choosePair(this.#needle, this.#start, at);
    const isQuick = system().bytes.pairFinder?.() === undefined
      ? pair.frequency < MOST_BYTES
      : pair.pairFrequency < MOST_PAIRS;
    return isQuick ? pair : undefined;
  }
}
