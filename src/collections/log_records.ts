/**
 * The records of a log, behind its header, each at a multiple of 8 bytes:
 *
 * | byte | what |
 * |---|---|
 * | 0 | u32, the length of the record in bytes |
 * | 4 | u32, its XXH32; the seed is the record's position in units of 8, without bits above 32 |
 * | 8 | the record, and zeros up to a multiple of 8 |
 *
 * The position is part of the checksum, so that a record from another position is not valid here.
 */

import { checksum } from "./checksum.ts";
import { HEADER_BYTE_LENGTH } from "./header.ts";
import { UNIT } from "./log_words.ts";

/** What a record takes beside its bytes. */
export const FRAME_BYTE_LENGTH = 8;

/** The longest record, in bytes. */
export const LONGEST_RECORD = 2 ** 30;

/** The smallest multiple of 8 that is not below `value`. */
export function roundUp(value: number): number {
  return value + (UNIT - value % UNIT) % UNIT;
}

/** The word where the record of a position begins: its frame. */
export function wordOf(position: number): number {
  return (HEADER_BYTE_LENGTH + position) / 4;
}

/** The checksum of a record. */
export function recordChecksum(words: Int32Array, position: number, byteLength: number): number {
  return checksum(words, wordOf(position) + 2, byteLength, position / UNIT | 0);
}

/** The length of the whole record that begins at `position`; -1 if none does before `end`. */
export function recordLength(words: Int32Array, position: number, end: number): number {
  const at = wordOf(position);
  const byteLength = words[at]!;
  const fits = byteLength >= 0 && byteLength <= end - position - FRAME_BYTE_LENGTH;
  return fits && words[at + 1] === recordChecksum(words, position, byteLength) ? byteLength : -1;
}

/** Where the record behind one of that length begins. */
export function nextPosition(position: number, byteLength: number): number {
  return position + FRAME_BYTE_LENGTH + roundUp(byteLength);
}

/** Where the first record begins, from `from` on, that is not whole; `end` if all are. */
function firstTorn(words: Int32Array, from: number, end: number): number {
  let position = from;
  while (position < end) {
    const byteLength = recordLength(words, position, end);
    if (byteLength < 0) return position;
    position = nextPosition(position, byteLength);
  }
  return Math.min(position, end);
}

/** What is known of a log before its records are looked at. */
export interface Claims {
  /** Where it says that it ends, within its file. */
  readonly end: number;
  /** Where a record begins before which all is well, if the log is. */
  readonly from: number;
  /** All before was on the disk at some time. */
  readonly committed: number;
}

/** The word of the header that says where to begin, if it can be one. */
export function startOf({ from, end }: Claims): number {
  return Number.isSafeInteger(from) && from > 0 && from <= end && from % UNIT === 0 ? from : 0;
}

/**
 * Where a log really ends: before the first torn record. A record that was on the disk and is damaged
 * now does not end it, if whole ones follow: it is lost alone.
 */
export function trueEnd(words: Int32Array, claims: Claims): number {
  const { end, committed } = claims;
  const start = startOf(claims);
  let torn = firstTorn(words, start, end);
  // Nothing is whole where a record should begin: the word that said so may be what is damaged.
  if (torn === start && start > 0) torn = firstTorn(words, 0, end);
  while (torn < end && torn < committed) {
    const byteLength = words[wordOf(torn)]!;
    if (byteLength < 0 || byteLength > end - torn - FRAME_BYTE_LENGTH) break;
    const next = nextPosition(torn, byteLength);
    const then = firstTorn(words, next, end);
    if (then === next) break; // nothing whole follows
    torn = then;
  }
  return torn;
}
