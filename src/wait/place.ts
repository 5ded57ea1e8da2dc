/** The place of a primitive: its words in a region. */

import type { MmapRegion } from "../region/mmap_region.ts";
import { wholeNumber } from "../check/numbers.ts";
import { RegionWords } from "./region_words.ts";
import { BufferWords } from "./buffer_words.ts";
import type { Words } from "./words.ts";

/** Every primitive begins at a multiple of this, so that no two of them share a cache line. */
const ALIGNMENT = 64;

/**
 * What a primitive can lie in: a region, for processes and Workers; or a SharedArrayBuffer, for the
 * Workers of one process.
 */
export type SyncMemory = MmapRegion | SharedArrayBuffer;

/**
 * The words of a primitive.
 *
 * @throws {RangeError} If the offset is not a multiple of 64, or the primitive does not fit.
 * @throws {TypeError} If the memory cannot be written to, or is neither of the two.
 * @throws {Deno.errors.BadResource} If the region is closed.
 */
export function placeWords(
  memory: SyncMemory,
  byteOffset: number,
  byteLength: number,
  name: string,
): Words {
  const action = `place ${name}`;
  const offset = placeOffset(byteOffset, action);
  if (memory instanceof SharedArrayBuffer) return new BufferWords(memory, offset, byteLength);
  return new RegionWords(memory, offset, byteLength, action);
}

/** Checks the offset of a place. @throws {RangeError} If it is not a multiple of 64. */
export function placeOffset(byteOffset: number, action: string): number {
  const offset = wholeNumber(byteOffset, "byteOffset", action);
  if (offset % ALIGNMENT === 0) return offset;
  throw new RangeError(
    `Cannot ${action} as byteOffset must be a multiple of ${ALIGNMENT}: received ${offset}`,
  );
}
