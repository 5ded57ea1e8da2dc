/** Which bytes of a needle are rare where it is searched for: guessed first, then sampled. */

import { libc } from "../../ffi/libc.ts";
import type { LoadedNeedle } from "./needle.ts";

/** How many bytes a sample has. */
export const SAMPLE_BYTE_LENGTH = 2048;

/** Bytes of text, logs and source code, the most frequent first; a guess that samples correct. */
const FREQUENT =
  " etaoinsrhldcu0m1fp2g\n.wy-b/v3:,5489k67_\"=x()TSAEICRDNPMLOj;qzFBUGH'>W<VY[]{}+*";

/** How common each byte is supposed to be: more is more. */
function supposed(byte: number): number {
  const place = FREQUENT.indexOf(String.fromCharCode(byte));
  if (place !== -1) return 255 - place;
  if (byte === 0) return 255; // what binary files are full of
  if (byte === 0xff) return 180;
  if (byte >= 0x80) return byte < 0xc0 ? 170 : 120; // the later and the first bytes of UTF-8
  return byte >= 0x20 ? 110 : 60;
}

let suppositions: Uint8Array | undefined;

const sample = new Uint8Array(SAMPLE_BYTE_LENGTH);

/** What a stretch of bytes holds how often. */
export class Rarity {
  readonly #counts = new Uint16Array(256);

  /**
   * Takes a sample.
   *
   * @param address of {@linkcode SAMPLE_BYTE_LENGTH} bytes
   */
  constructor(address: bigint) {
    libc().memcpy(sample, address, BigInt(SAMPLE_BYTE_LENGTH));
    for (let i = 0; i < SAMPLE_BYTE_LENGTH; i++) this.#counts[sample[i]!]!++;
  }

  /** Where the needle's rarest byte stands among its first `limit` ones, and how often it was seen. */
  rarestByte(needle: LoadedNeedle, limit: number): { offset: number; count: number } {
    suppositions ??= Uint8Array.from({ length: 256 }, (_, byte) => supposed(byte));
    const length = Math.min(needle.byteLength, limit);
    let offset = 0;
    let least = Infinity;
    for (let i = 0; i < length; i++) {
      const byte = needle.bytes[i]!;
      const frequency = this.#counts[byte]! * 256 + suppositions[byte]!;
      if (frequency >= least) continue;
      least = frequency;
      offset = i;
    }
    return { offset, count: this.#counts[needle.bytes[offset]!]! };
  }

  /**
   * For each remainder by 4, the place of the needle's rarest 4 bytes among its first `limit` ones
   * that begin at such a place, and how often all of those were seen.
   */
  rarestWords(needle: LoadedNeedle, limit: number): { offsets: number[]; count: number } {
    const length = Math.min(needle.byteLength, limit);
    const counts = countWords(needle.bytes, length);
    const offsets: number[] = [];
    let count = 0;
    for (let remainder = 0; remainder < 4; remainder++) {
      let best = remainder;
      for (let offset = remainder; offset + 4 <= length; offset += 4) {
        if (counts[offset]! < counts[best]!) best = offset;
      }
      offsets.push(best);
      count += counts[best]!;
    }
    return { offsets, count };
  }
}

/** How often each 4 bytes of a needle occur in the sample. */
function countWords(needle: Uint8Array, length: number): number[] {
  const seen = new Map<number, number>();
  for (let offset = 0; offset + 4 <= length; offset++) seen.set(wordAt(needle, offset), 0);
  for (let at = 0; at + 4 <= SAMPLE_BYTE_LENGTH; at++) {
    const word = wordAt(sample, at);
    const count = seen.get(word);
    if (count !== undefined) seen.set(word, count + 1);
  }
  return Array.from({ length: length - 3 }, (_, offset) => seen.get(wordAt(needle, offset))!);
}

/** Four bytes as a C `int` of the machines that there are: little-endian. */
export function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24;
}
