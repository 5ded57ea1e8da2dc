/** Reading who holds a lock, for display. */

import { damaged } from "./damage.ts";
import { type LockHolder, NO_BIT, NUMBER_MASK } from "./holder.ts";
import type { Words } from "./words.ts";

/** A new holder writes its fingerprint within nanoseconds. */
const MOST_LOOKS = 1000;

/**
 * The holder that a number and the fingerprint after it name.
 *
 * @returns undefined if the number is 0
 * @throws {Deno.errors.InvalidData} If no holder can have that number.
 * @throws {MappingFaultError} If a page was lost.
 */
export function holderAt(words: Words, at: number): LockHolder | undefined {
  const holder = read(words, at);
  words.lossWatch.check();
  return holder;
}

function read({ cells, threads }: Words, at: number): LockHolder | undefined {
  for (let looks = 1;; looks++) {
    const state = Atomics.load(cells, at);
    if ((state & NO_BIT) !== 0) throw damaged("lock", state);
    const number = state & NUMBER_MASK;
    if (number === 0) return undefined;
    const fingerprint = Atomics.load(cells, at + 1);
    // The two reads may have seen two different holders.
    const isWhole = fingerprint !== 0 && ((Atomics.load(cells, at) ^ number) & NUMBER_MASK) === 0;
    if (isWhole || looks === MOST_LOOKS) return threads.holder(number, fingerprint);
  }
}
