/** 64-bit counts in shared memory, as Numbers. They begin at an even word, the lower half first. */

import { UPPER_HALF } from "./layout.ts";
import type { RingMemory } from "./ring_memory.ts";

/**
 * Reads a count without BigInts, which would cost more than everything else about a short message.
 */
export function loadCount(cells: Int32Array, index: number): number {
  while (true) {
    const high = Atomics.load(cells, index + 1);
    const low = Atomics.load(cells, index) >>> 0;
    // The upper half is only ever set together with the lower one: if it is the same before and
    // after, the lower half belongs to it. This is a plain read, since atomic ones are calls; it
    // cannot pass the read before it.
    if (cells[index + 1] === high) return high * UPPER_HALF + low;
  }
}

/**
 * Sets a count. Only one thread at a time may do this.
 *
 * @param before the old value, less than 2^32 below
 */
export function storeCount(
  memory: RingMemory,
  index: number,
  count: number,
  before: number,
): void {
  if ((count >>> 0) >= (before >>> 0)) Atomics.store(memory.cells, index, count | 0);
  else memory.setPosition(index, count);
}
