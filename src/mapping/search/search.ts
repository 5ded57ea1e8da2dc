/** Searching, counting and comparing mapped bytes, by libc. */

import { withAddressOf } from "../../../ffi/memory.ts";
import { system } from "../../os/mod.ts";
import { Finder } from "./finder.ts";
import type { Mapping } from "../mapping.ts";
import { type LoadedNeedle, loadNeedle } from "./needle.ts";
import type { Span } from "../pages.ts";

// Captured at load, as in find_method.ts.
const { asUintN } = BigInt;

/** Up to this size, one call of `memmem` is the quickest. */
const SHORT_BYTE_LENGTH = 65_536;
/** The first and the last size of the blocks that are searched backwards. */
const FIRST_BLOCK = 4096n;
const LONGEST_BLOCK = 16n << 20n;

/** The first place of a needle in a span, counted from the span's beginning; -1 if there is none. */
export function firstIn(mapping: Mapping, span: Span, needle: LoadedNeedle): number {
  if (needle.byteLength > span.byteLength) return -1;
  if (needle.byteLength === 0) return 0;
  const start = mapping.address + BigInt(span.byteOffset);
  const length = BigInt(span.byteLength);
  const found = find(start, length, needle, span.byteLength);
  return found === 0n ? -1 : Number(found - start);
}

function find(start: bigint, length: bigint, needle: LoadedNeedle, byteLength: number): bigint {
  if (needle.byteLength === 1) return system().bytes.findByte(start, needle.bytes[0]!, length);
  if (byteLength <= SHORT_BYTE_LENGTH) {
    return system().bytes.find(start, length, needle.address, needle.size);
  }
  const finder = new Finder(needle);
  finder.begin(start);
  return finder.next(start, start + length);
}

/** The last place of a needle in a span, counted from the span's beginning; -1 if there is none. */
export function lastIn(mapping: Mapping, span: Span, needle: LoadedNeedle): number {
  const room = span.byteLength - needle.byteLength;
  if (needle.byteLength === 0 || room < 0) return room < 0 ? -1 : room;
  const start = mapping.address + BigInt(span.byteOffset);
  const end = start + BigInt(span.byteLength);
  const { findLastByte } = system().bytes;
  const found = needle.byteLength === 1 && findLastByte !== undefined
    ? findLastByte(start, needle.bytes[0]!, end - start)
    : findLast(start, end, needle);
  return found === 0n ? -1 : Number(found - start);
}

/**
 * libc has no backward search for several bytes: blocks of the range are searched forwards, the
 * last one first, and each is twice as long as the one before.
 */
function findLast(start: bigint, end: bigint, needle: LoadedNeedle): bigint {
  const finder = new Finder(needle);
  let behind = end - needle.size + 1n; // a match begins before it
  let block = needle.size * 16n > FIRST_BLOCK ? needle.size * 16n : FIRST_BLOCK;
  while (behind > start) {
    const at = behind - start > block ? behind - block : start;
    const found = findIn(finder, at, behind, needle);
    if (found !== 0n) return narrowLast(finder, found, behind, needle);
    behind = at;
    if (block < LONGEST_BLOCK) block *= 2n;
  }
  return 0n;
}

/** The first place in [at, behind) where a needle begins. */
function findIn(finder: Finder, at: bigint, behind: bigint, needle: LoadedNeedle): bigint {
  finder.begin(at);
  return finder.next(at, behind + needle.size - 1n);
}

/** The last match that begins in [first, behind), where `first` is a match: by bisection. */
function narrowLast(finder: Finder, first: bigint, behind: bigint, needle: LoadedNeedle): bigint {
  let last = first;
  let stop = behind;
  while (last + 1n < stop) {
    const middle = last + 1n + (stop - last - 1n) / 2n;
    const found = findIn(finder, middle, stop, needle);
    if (found === 0n) stop = middle;
    else last = found;
  }
  return last;
}

/** How many times a needle occurs in a span. Matches do not overlap. */
export function countIn(mapping: Mapping, span: Span, needle: LoadedNeedle): number {
  if (needle.byteLength === 0) return span.byteLength + 1;
  const start = mapping.address + BigInt(span.byteOffset);
  const end = start + BigInt(span.byteLength);
  if (needle.byteLength === 1) return countByte(start, end, needle.bytes[0]!);
  const finder = new Finder(needle);
  finder.begin(start);
  let count = 0;
  let found = finder.next(start, end);
  while (found !== 0n) {
    count++;
    found = finder.next(found + needle.size, end);
  }
  return count;
}

const COUNTED = 65_536;
/** If a byte is more frequent than this, a loop counts it quicker than calls. */
const FREQUENT = COUNTED / 12;
const counted = new Uint8Array(COUNTED);

function countByte(start: bigint, end: bigint, byte: number): number {
  let count = 0;
  let inBlock = 0;
  for (let at = start; at < end; at += BigInt(COUNTED)) {
    const left = end - at;
    const length = left < COUNTED ? left : BigInt(COUNTED);
    inBlock = inBlock > FREQUENT ? countByLoop(at, length, byte) : countByCalls(at, length, byte);
    count += inBlock;
  }
  return count;
}

function countByCalls(start: bigint, length: bigint, byte: number): number {
  const { findByte } = system().bytes;
  const end = asUintN(64, start + length);
  let count = 0;
  for (let at = start; at < end; count++) {
    const found = findByte(at, byte, asUintN(64, end - at));
    if (found === 0n) break;
    at = asUintN(64, found + 1n);
  }
  return count;
}

function countByLoop(start: bigint, length: bigint, byte: number): number {
  system().bytes.copy(counted, start, length);
  const end = Number(length);
  let count = 0;
  for (let i = 0; i < end; i++) if (counted[i] === byte) count++;
  return count;
}

/** Up to this size, copying the other bytes is quicker than finding their address. */
const COPIED = 2048;

/**
 * The order of the bytes of a span and of `other`, which is as long.
 *
 * @returns as `memcmp`: less than, equal to or greater than 0
 */
export function compareSpan(mapping: Mapping, span: Span, other: Uint8Array): number {
  if (span.byteLength === 0) return 0;
  const { compare } = system().bytes;
  const there = mapping.address + BigInt(span.byteOffset);
  const size = BigInt(span.byteLength);
  if (span.byteLength <= COPIED) return compare(there, loadNeedle(other).address, size);
  return withAddressOf(other, (address) => compare(there, address, size));
}
