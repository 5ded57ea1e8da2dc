/**
 * Indices, without a branch.
 *
 * `(usual ? USUAL : UNUSUAL).place(…)` is an `if` in the form that V8 leaves in a loop and
 * optimises around: as long as only one of the two was ever called, the call is a comparison, and
 * the way to the error is outside of the compiled code (see generate.ts). The two must be of
 * different classes.
 */

import { place } from "./numbers.ts";

/** Says which element an index means. */
export interface Places {
  /**
   * @param position the index; from the beginning, where it was negative
   * @throws {TypeError} If the index is no number.
   * @throws {RangeError} If there is no such element.
   */
  place(position: number, index: number, length: number): number;
}

class Usual implements Places {
  place(position: number): number {
    return position;
  }
}

class Unusual implements Places {
  place(_: number, index: number, length: number): number {
    return place(index, length);
  }
}

/** For a whole position below 2 ** 32 and below the length. */
export const USUAL: Places = new Usual();

/** For all others: wrong indices, and those of more than 2 ** 32 elements. */
export const UNUSUAL: Places = new Unusual();
