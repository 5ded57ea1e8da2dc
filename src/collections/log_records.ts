/**
 * The records of a log, after its header, each at a multiple of 8 bytes:
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

/** The length of a record's frame, without its bytes. */
export const FRAME_BYTE_LENGTH = 8;

/** The longest record, in bytes. */
export const LONGEST_RECORD = 2 ** 30;

/** The smallest multiple of 8 that is not below `value`. */
export function roundUp(value: number): number {
  return value + (UNIT - value % UNIT) % UNIT;
}

/** The index of the first word of a record, where its frame begins. */
export function wordOf(position: number): number {
  return (HEADER_BYTE_LENGTH + position) / 4;
}

/** The checksum of a record. */
export function recordChecksum(words: Int32Array, position: number, byteLength: number): number {
  return checksum(words, wordOf(position) + 2, byteLength, position / UNIT | 0);
}

/** The length of the record at `position`; -1 if no whole record is there before `end`. */
export function recordLength(words: Int32Array, position: number, end: number): number {
  const at = wordOf(position);
  const byteLength = words[at]!;
  const fits = byteLength >= 0 && byteLength <= end - position - FRAME_BYTE_LENGTH;
  return fits && words[at + 1] === recordChecksum(words, position, byteLength) ? byteLength : -1;
}

/** The position of the record after one of that length. */
export function nextPosition(position: number, byteLength: number): number {
  return position + FRAME_BYTE_LENGTH + roundUp(byteLength);
}

/** The position of the first record from `from` on that is not whole; `end` if all are whole. */
function firstTorn(words: Int32Array, from: number, end: number): number {
  let position = from;
  while (position < end) {
    const byteLength = recordLength(words, position, end);
    if (byteLength < 0) return position;
    position = nextPosition(position, byteLength);
  }
  return Math.min(position, end);
}

/** What the header says about a log, before the records are read. */
export interface Claims {
  /** The end of the log according to its header, within its file. */
  readonly end: number;
  /** The position of a record up to which an intact log needs no check. */
  readonly from: number;
  /** Everything before this position was on the disk at some time. */
  readonly committed: number;
}

/** The start of the check according to the header, if it is valid. */
export function startOf({ from, end }: Claims): number {
  return Number.isSafeInteger(from) && from > 0 && from <= end && from % UNIT === 0 ? from : 0;
}

/**
 * The true end of a log: before the first torn record. A committed record that is damaged now does
 * not end it if whole ones follow: only that record is lost.
 */
export function trueEnd(words: Int32Array, claims: Claims): number {
  const { end, committed } = claims;
  const start = startOf(claims);
  let torn = firstTorn(words, start, end);
  // No whole record begins there: the word in the header may itself be damaged.
  if (torn === start && start > 0) torn = firstTorn(words, 0, end);
  while (torn < end && torn < committed) {
    const byteLength = words[wordOf(torn)]!;
    if (byteLength < 0 || byteLength > end - torn - FRAME_BYTE_LENGTH) break;
    const next = nextPosition(torn, byteLength);
    const then = firstTorn(words, next, end);
    if (then === next) break; // no whole record follows
    torn = then;
  }
  return torn;
}
