/** The content of a region: search, comparison, and splitting at boundaries. */

import { lengthOf, plainBytes } from "../../ffi/memory.ts";
import { type LoadedNeedle, loadNeedle, type Needle } from "../mapping/search/needle.ts";
import { optionalNumber, wholeNumber } from "../check/numbers.ts";
import { type ByteRange, readRange } from "../check/range.ts";
import { compareSpan, countIn, firstIn, lastIn } from "../mapping/search/search.ts";
import type { RegionBacking } from "./backing.ts";

const SEARCH = "search region";
const COMPARE = "compare region";
const SPLIT = "split region";

/** `MmapRegion.indexOf` */
export function indexOf(backing: RegionBacking, needle: Needle, from?: number): number {
  const given = searchStart(from);
  const loaded = loadNeedle(needle);
  const mapping = backing.live(SEARCH);
  const { byteLength, pageOffset } = backing;
  const start = given === 0 ? 0 : fromEnd(given ?? 0, byteLength);
  const span = { byteOffset: pageOffset + start, byteLength: byteLength - start };
  const found = firstIn(mapping, span, loaded);
  return found === -1 ? -1 : start + found;
}

/** `MmapRegion.lastIndexOf` */
export function lastIndexOf(backing: RegionBacking, needle: Needle, from?: number): number {
  const given = searchStart(from);
  const loaded = loadNeedle(needle);
  const mapping = backing.live(SEARCH);
  const { byteLength, pageOffset } = backing;
  if (given !== undefined && given < -byteLength) return -1;
  const last = given === undefined ? byteLength : fromEnd(given, byteLength);
  if (loaded.byteLength === 0) return last;
  const length = Math.min(last + loaded.byteLength, byteLength);
  return lastIn(mapping, { byteOffset: pageOffset, byteLength: length }, loaded);
}

/** A whole number, of either sign. */
function searchStart(from: unknown): number | undefined {
  if (from === undefined) return undefined;
  if (typeof from === "number" && from < 0) return -wholeNumber(-from, "from", SEARCH);
  return wholeNumber(from, "from", SEARCH);
}

/** A place in [0, byteLength]; a negative one counts from the end. */
function fromEnd(from: number, byteLength: number): number {
  return from < 0 ? Math.max(0, byteLength + from) : Math.min(from, byteLength);
}

/** `MmapRegion.count` */
export function count(
  backing: RegionBacking,
  needle: Needle,
  range: ByteRange | undefined,
): number {
  const given = readRange(range, SEARCH);
  const loaded = loadNeedle(needle);
  const mapping = backing.live(SEARCH);
  return countIn(mapping, backing.span(given, SEARCH), loaded);
}

/** `MmapRegion.equals` */
export function equals(backing: RegionBacking, other: Uint8Array, byteOffset?: number): boolean {
  const { start, bytes, byteLength } = comparison(backing, other, byteOffset);
  if (start + byteLength > backing.byteLength) return false;
  return order(backing, bytes, start, byteLength) === 0;
}

/** `MmapRegion.compare` */
export function compare(
  backing: RegionBacking,
  other: Uint8Array,
  byteOffset?: number,
): -1 | 0 | 1 {
  const { start, bytes, byteLength } = comparison(backing, other, byteOffset);
  const length = Math.max(0, Math.min(byteLength, backing.byteLength - start));
  const found = order(backing, bytes, start, length);
  if (found !== 0) return found < 0 ? -1 : 1;
  return length < byteLength ? -1 : 0;
}

function comparison(
  backing: RegionBacking,
  other: Uint8Array,
  byteOffset: number | undefined,
): { start: number; bytes: Uint8Array; byteLength: number } {
  const start = optionalNumber(byteOffset, "byteOffset", COMPARE) ?? 0;
  const bytes = plainBytes(other, "other", COMPARE);
  backing.live(COMPARE);
  return { start, bytes, byteLength: lengthOf(bytes) };
}

function order(
  backing: RegionBacking,
  bytes: Uint8Array,
  start: number,
  byteLength: number,
): number {
  return compareSpan(
    backing.live(COMPARE),
    { byteOffset: backing.pageOffset + start, byteLength },
    bytes,
  );
}

/** `MmapRegion.split` */
export function split(
  backing: RegionBacking,
  parts: number,
  boundary: Needle,
): Required<ByteRange>[] {
  const wanted = wholeNumber(parts, "parts", SPLIT, 1);
  const needle = loadNeedle(boundary);
  backing.live(SPLIT);
  const ranges: Required<ByteRange>[] = [];
  const { byteLength } = backing;
  for (let byteOffset = 0; byteOffset < byteLength;) {
    // The rest is divided evenly among the remaining parts.
    const share = Math.ceil((byteLength - byteOffset) / Math.max(1, wanted - ranges.length));
    const end = boundaryAfter(backing, needle, byteOffset, byteOffset + share);
    ranges.push({ byteOffset, byteLength: end - byteOffset });
    byteOffset = end;
  }
  return ranges;
}

/** The end of the first boundary that ends at or after `wanted` and begins at or after `start`. */
function boundaryAfter(
  backing: RegionBacking,
  needle: LoadedNeedle,
  start: number,
  wanted: number,
): number {
  const { byteLength, pageOffset } = backing;
  const from = Math.max(start, wanted - needle.byteLength);
  if (wanted >= byteLength || from >= byteLength) return byteLength;
  const span = { byteOffset: pageOffset + from, byteLength: byteLength - from };
  const found = firstIn(backing.live(SPLIT), span, needle);
  return found === -1 ? byteLength : from + found + needle.byteLength;
}
