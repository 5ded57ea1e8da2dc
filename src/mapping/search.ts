/** Searching and comparing mapped bytes, by libc. */

import { libc } from "../../ffi/libc.ts";
import {
  addressOf,
  addressOfBytes,
  lengthOf,
  plainBytes,
  pointerAt,
  pointerFrom,
} from "../../ffi/memory.ts";
import type { Mapping } from "./mapping.ts";
import type { Span } from "./pages.ts";

/** What to look for: a byte, bytes, or text, which is taken as UTF-8. */
export type Needle = number | Uint8Array | string;

/**
 * A needle as bytes: a copy, which nobody changes during the search.
 *
 * @throws {TypeError} If it is of another type. @throws {RangeError} If a number is no byte.
 */
export function needleBytes(needle: Needle): Uint8Array<ArrayBuffer> {
  if (typeof needle === "string") return new TextEncoder().encode(needle);
  if (typeof needle !== "number") {
    return new Uint8Array(plainBytes(needle, "the needle", "search region"));
  }
  if (Number.isInteger(needle) && needle >= 0 && needle <= 255) return Uint8Array.of(needle);
  throw new RangeError(
    `Cannot search region as a byte must be a whole number from 0 to 255: received ${needle}`,
  );
}

/** The first place of a needle in a span, counted from the span's beginning; -1 if there is none. */
export function firstIn(mapping: Mapping, span: Span, needle: Uint8Array<ArrayBuffer>): number {
  const needleLength = lengthOf(needle);
  if (needleLength > span.byteLength) return -1;
  if (needleLength === 0) return 0;
  const start = pointerAt(mapping.pointer, span.byteOffset);
  const length = BigInt(span.byteLength);
  const { memchr, memmem } = libc();
  const found = needleLength === 1
    ? memchr(start, needle[0]!, length)
    : memmem(start, length, needle, BigInt(needleLength));
  return found === null ? -1 : Number(addressOf(found) - addressOf(start));
}

/** The last place of a needle in a span, counted from the span's beginning; -1 if there is none. */
export function lastIn(mapping: Mapping, span: Span, needle: Uint8Array<ArrayBuffer>): number {
  const needleLength = lengthOf(needle);
  let room = span.byteLength - needleLength;
  if (needleLength === 0 || room < 0) return room < 0 ? -1 : room;
  const bytes = new Uint8Array(mapping.buffer, span.byteOffset, span.byteLength);
  const needlePointer = pointerFrom(addressOfBytes(needle));
  const length = BigInt(needleLength);
  while (room >= 0) {
    const at = lastByte(
      mapping,
      { byteOffset: span.byteOffset, byteLength: room + 1 },
      bytes,
      needle[0]!,
    );
    if (at === -1) return -1;
    const there = pointerAt(mapping.pointer, span.byteOffset + at);
    if (libc().memcmp(there, needlePointer, length) === 0) return at;
    room = at - 1;
  }
  return -1;
}

function lastByte(mapping: Mapping, span: Span, bytes: Uint8Array, byte: number): number {
  const { memrchr } = libc();
  if (memrchr === null) return bytes.lastIndexOf(byte, span.byteLength - 1);
  const start = pointerAt(mapping.pointer, span.byteOffset);
  const found = memrchr(start, byte, BigInt(span.byteLength));
  return found === null ? -1 : Number(addressOf(found) - addressOf(start));
}

/** Whether the bytes of a span are those of `other`, which is as long. */
export function equalsSpan(mapping: Mapping, span: Span, other: Uint8Array): boolean {
  if (span.byteLength === 0) return true;
  const there = pointerAt(mapping.pointer, span.byteOffset);
  const here = pointerFrom(addressOfBytes(other));
  return libc().memcmp(there, here, BigInt(span.byteLength)) === 0;
}
