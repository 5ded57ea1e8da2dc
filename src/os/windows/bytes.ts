/** Finding and comparing bytes, by the functions of C that Windows' own library has, and by the module's machine code. */

import { bufferOver, pointerFrom } from "../../../ffi/memory.ts";
import { pairFinder } from "../../../ffi/search/find.ts";
import { windows } from "../../../ffi/windows/library.ts";
import type { ByteSystem } from "../system.ts";

let found: ByteSystem | undefined;

export function bytes(): ByteSystem {
  if (found !== undefined) return found;
  const { memchr, memcmp, memcpy } = windows();
  return found = { findByte: memchr, find, compare: memcmp, copy: memcpy, pairFinder };
}

const first = new Uint8Array(1);

/** What a place costs that turns out to be none, beside comparing: a call or two. */
const CALLS = 64;
/** How much may be wasted on such places, for each byte that was searched, and at all. */
const WASTE = 4;
const LEAST_WASTE = 65536;

/**
 * See `ByteSystem.find`. There is no `memmem`: each place is looked at where the first byte is, unless
 * that turns out to be a waste.
 */
function find(
  start: bigint,
  byteLength: bigint,
  needle: bigint,
  needleByteLength: bigint,
): bigint {
  const { memchr, memcmp, memcpy } = windows();
  memcpy(first, needle, 1n);
  const end = start + byteLength - needleByteLength + 1n; // of the places where it may begin
  let wasted = 0;
  for (let at = start; at < end; at++) {
    at = memchr(at, first[0]!, end - at);
    if (at === 0n) return 0n;
    if (memcmp(at, needle, needleByteLength) === 0) return at;
    wasted += Number(needleByteLength) + CALLS;
    if (wasted > WASTE * Number(at - start) + LEAST_WASTE) {
      return findSteadily(at + 1n, start + byteLength, needle, needleByteLength);
    }
  }
  return 0n;
}

/** The same in one pass, whatever the bytes are (Knuth, Morris and Pratt). */
function findSteadily(
  start: bigint,
  end: bigint,
  needle: bigint,
  needleByteLength: bigint,
): bigint {
  const wanted = bytesAt(needle, needleByteLength);
  if (end - start < needleByteLength) return 0n;
  const content = bytesAt(start, end - start);
  const [length, wantedLength] = [Number(end - start), Number(needleByteLength)];
  const borders = bordersOf(wanted, wantedLength);
  for (let i = 0, matched = 0; i < length; i++) {
    while (matched > 0 && wanted[matched] !== content[i]) matched = borders[matched - 1]!;
    if (wanted[matched] === content[i]) matched++;
    if (matched === wantedLength) return start + BigInt(i + 1 - matched);
  }
  return 0n;
}

function bytesAt(address: bigint, byteLength: bigint): Uint8Array {
  // SAFETY: the caller keeps both ranges mapped during the call; the views end with it.
  return new Uint8Array(
    bufferOver({ pointer: pointerFrom(address)!, byteLength: Number(byteLength) }),
  );
}

/** For each beginning of the bytes: how long its longest proper beginning is that is its end, too. */
function bordersOf(bytes: Uint8Array, length: number): Int32Array {
  const borders = new Int32Array(length);
  for (let i = 1, matched = 0; i < length; i++) {
    while (matched > 0 && bytes[matched] !== bytes[i]) matched = borders[matched - 1]!;
    if (bytes[matched] === bytes[i]) matched++;
    borders[i] = matched;
  }
  return borders;
}
