/** Reading a region piece by piece, around missing pages. */

import type { MmapRegion } from "../region/mmap_region.ts";
import type { Target } from "./target.ts";

/** How many bytes are read at once: a multiple of the length of a row. */
export const CHUNK_BYTES: number = 2 ** 16;

/** The smallest page size: stepping by it never misses the end of a gap. */
const PAGE_BYTES = 4096;

/** A piece of a region. */
export interface Chunk {
  /** Its offset in the region. */
  readonly byteOffset: number;
  /** The bytes that were read; 0 for missing ones. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** One for each byte: 1 if it is missing. */
  readonly missing: Uint8Array<ArrayBuffer>;
}

/** Reads a piece of a target. What lies beyond its end is missing as well. */
export function readChunk(target: Target, byteOffset: number, byteLength: number): Chunk {
  const bytes = new Uint8Array(byteLength);
  const missing = new Uint8Array(byteLength);
  let done = 0;
  while (done < byteLength) {
    done += readPresent(target.region, byteOffset + done, bytes.subarray(done));
    if (done === byteLength) break;
    const next = Math.min(byteLength, pageEnd(target.region, byteOffset + done) - byteOffset);
    missing.fill(1, done, next);
    done = next;
  }
  return { byteOffset, bytes, missing };
}

/** @returns how many bytes were read, up to the first missing one */
function readPresent(
  region: MmapRegion | undefined,
  byteOffset: number,
  bytes: Uint8Array<ArrayBuffer>,
): number {
  if (region === undefined || byteOffset >= region.byteLength) return 0;
  return region.tryRead(bytes, byteOffset);
}

/** The end, in the region, of the page of a byte. */
function pageEnd(region: MmapRegion | undefined, byteOffset: number): number {
  const lead = (region?.byteOffset ?? 0) % PAGE_BYTES;
  return (Math.floor((lead + byteOffset) / PAGE_BYTES) + 1) * PAGE_BYTES - lead;
}
