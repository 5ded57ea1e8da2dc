/** Bytes to search in, and what a plain program finds in them. */

import { Buffer } from "node:buffer";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { MmapRegion } from "@mmap/mmap";

/** Whole numbers in [0, below), the same for the same seed. */
export type Random = (below: number) => number;

/** A source of random numbers. */
export function seeded(seed: number): Random {
  const generator = xoroshiro128plus(seed);
  return (below) => uniformInt(generator, 0, below - 1);
}

/** A private region with this content. */
export function regionOf(content: Uint8Array): MmapRegion {
  const region = MmapRegion.anonymous(content.length, { sharing: "private" });
  region.bytes.set(content);
  return region;
}

/** A region over text in UTF-8. */
export function textRegion(text: string): MmapRegion {
  return regionOf(new TextEncoder().encode(text));
}

/** Random bytes of an alphabet. */
export function randomBytes(random: Random, length: number, alphabet: number[]): Uint8Array {
  return Uint8Array.from({ length }, () => alphabet[random(alphabet.length)]!);
}

/** How many times a needle stands in the bytes, one behind the other. */
export function countOf(content: Uint8Array, needle: Uint8Array): number {
  const buffer = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  let count = 0;
  for (
    let at = buffer.indexOf(needle);
    at !== -1;
    at = buffer.indexOf(needle, at + needle.length)
  ) {
    count++;
  }
  return count;
}
