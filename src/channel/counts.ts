/** 64-bit counts in shared memory, as Numbers. They begin at an even word, the lower half first. */

import { UPPER_HALF } from "./layout.ts";
import type { RingMemory } from "./ring_memory.ts";

/** Reads a count. Without BigInts, which cost more than all the rest of a short message. */
export function loadCount(cells: Int32Array, index: number): number {
  while (true) {
    const high = Atomics.load(cells, index + 1);
    const low = Atomics.load(cells, index) >>> 0;
    // Whoever sets the upper half sets both at once: where it is the same before and after, the lower
    // belongs to it. A plain read, for atomic ones are calls; none passes the one before it.
    if (cells[index + 1] === high) return high * UPPER_HALF + low;
  }
}

/**
 * Sets a count. By one thread at a time only.
 *
 * @param before what it was, less than 2^32 ago
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
