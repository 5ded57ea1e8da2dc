/** Two bytes of a needle that are seldom found at their distance, and the search for them. */

import { system } from "../../os/mod.ts";
import type { LoadedNeedle } from "./needle.ts";

// Captured at load: a later replacement must not compute addresses.
const { asUintN } = BigInt;

/** How much of a needle is considered. */
const CONSIDERED = 64;
/** How many of its rarest bytes are tried with each other one. */
const TRIED = 4;
/** The sample: pieces that are spread over the bytes that were searched so far. */
const PIECE = 512;
const PIECES = [0, 1, 2, 3];
const sample = new Uint8Array(PIECE * PIECES.length);
const pieces = PIECES.map((i) => new Uint8Array(sample.buffer, i * PIECE, PIECE));

/** Two bytes of a needle by their offsets. */
export interface Pair {
  readonly one: bigint;
  readonly other: bigint;
  /** How often the one was seen, in matches per byte. */
  readonly frequency: number;
  /** How often both were seen at their distance. */
  readonly pairFrequency: number;
}

/**
 * A pair that is rare in what was searched so far, from `start` up to `at`. Offsets come from loops
 * alone: methods of arrays may have been replaced, and these must stay within the needle.
 */
export function choosePair(needle: LoadedNeedle, start: bigint, at: bigint): Pair {
  takeSample(start, at);
  const seen = new Uint32Array(256);
  for (let i = 0; i < sample.length; i++) seen[sample[i]!]!++;
  const length = needle.byteLength < CONSIDERED ? needle.byteLength : CONSIDERED;
  const counts = new Uint32Array(length);
  for (let i = 0; i < length; i++) counts[i] = seen[needle.bytes[i]!]!;
  const tried = new Uint8Array(length);
  let one = rarest(counts, tried, length);
  let other = one;
  let least = counts[one]!;
  // A byte that was not seen is looked for alone: that reads all bytes once, not twice.
  for (let i = 0; i < TRIED && i < length && least > 0; i++) {
    const anchor = rarest(counts, tried, length);
    const together = countTogether(needle, anchor, length);
    for (let j = 0; j < length; j++) {
      const order = together[j]! - least || counts[j]! - counts[other]!;
      if (order < 0) {
        one = anchor;
        other = j;
        least = together[j]!;
      }
    }
    tried[anchor] = 1;
  }
  return {
    one: BigInt(one),
    other: BigInt(other),
    frequency: counts[one]! / sample.length,
    pairFrequency: least / sample.length,
  };
}

/** The offset of the rarest byte that was not tried. */
function rarest(counts: Uint32Array, tried: Uint8Array, length: number): number {
  let found = 0;
  for (let i = 1; i < length; i++) {
    if (tried[found] === 1 || (tried[i] === 0 && counts[i]! < counts[found]!)) found = i;
  }
  return found;
}

/** How often each byte of the needle was seen at its distance from one of them. */
function countTogether({ bytes }: LoadedNeedle, one: number, length: number): Uint32Array {
  const counts = new Uint32Array(length);
  for (let place = 0; place < sample.length; place++) {
    if (sample[place] !== bytes[one]) continue;
    for (let i = 0; i < length; i++) if (sample[place - one + i] === bytes[i]) counts[i]!++;
  }
  return counts;
}

function takeSample(start: bigint, at: bigint): void {
  const distance = (at - start) / BigInt(PIECES.length);
  for (const i of PIECES) {
    const end = start + distance * BigInt(i + 1);
    system().bytes.copy(pieces[i]!, end - BigInt(PIECE), BigInt(PIECE));
  }
}

/** What a candidate costs in bytes that `memmem` gets past in that time; how much may be wasted at once. */
const CANDIDATE_COST = 128;
const SLACK = 16_384;

/**
 * As {@linkcode FindPair}, but looks for the one byte by `memchr`, where there is no code for pairs.
 */
export function findByByte(
  at: bigint,
  end: bigint,
  { address, bytes, head, size }: LoadedNeedle,
  one: bigint,
): bigint {
  const { findByte, compare } = system().bytes;
  const byte = bytes[Number(one)]!;
  // V8 computes addresses in registers and allocates no BigInts: `asUintN` says that they have 64
  // bits, and in the loop they are neither stored nor passed on.
  const offset = asUintN(64, one);
  const stop = asUintN(64, end + offset);
  let wasted = 0;
  for (let place = asUintN(64, at + offset); place < stop;) {
    const found = findByte(place, byte, asUintN(64, stop - place));
    if (found === 0n) return 0n;
    const start = asUintN(64, found - offset);
    wasted = Math.max(0, wasted - Number(asUintN(64, found - place))) + CANDIDATE_COST;
    if (compare(start, address, head) === 0) {
      if (head === size || compare(start, address, size) === 0) return start;
      wasted += Number(size);
    }
    if (wasted > SLACK) return -(start + 1n);
    place = asUintN(64, found + 1n);
  }
  return 0n;
}
