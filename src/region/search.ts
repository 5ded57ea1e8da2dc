/** What a region's bytes say: search, comparison, and cutting where something stands. */

import { lengthOf, plainBytes } from "../../ffi/memory.ts";
import { type LoadedNeedle, loadNeedle, type Needle } from "../mapping/search/needle.ts";
import { optionalNumber, wholeNumber } from "../check/numbers.ts";
import { type ByteRange, readRange } from "../check/range.ts";
import { compareSpan, countIn, firstIn, lastIn } from "../mapping/search/search.ts";
import type { RegionCore } from "./core.ts";

const SEARCH = "search region";
const COMPARE = "compare region";
const SPLIT = "split region";

/** `MmapRegion.indexOf` */
export function indexOf(core: RegionCore, needle: Needle, from?: number): number {
  const given = searchStart(from);
  const loaded = loadNeedle(needle);
  const mapping = core.live(SEARCH);
  const { byteLength, lead } = core;
  const start = given === 0 ? 0 : fromEnd(given ?? 0, byteLength);
  const span = { byteOffset: lead + start, byteLength: byteLength - start };
  const found = firstIn(mapping, span, loaded);
  return found === -1 ? -1 : start + found;
}

/** `MmapRegion.lastIndexOf` */
export function lastIndexOf(core: RegionCore, needle: Needle, from?: number): number {
  const given = searchStart(from);
  const loaded = loadNeedle(needle);
  const mapping = core.live(SEARCH);
  const { byteLength, lead } = core;
  if (given !== undefined && given < -byteLength) return -1;
  const last = given === undefined ? byteLength : fromEnd(given, byteLength);
  if (loaded.byteLength === 0) return last;
  const length = Math.min(last + loaded.byteLength, byteLength);
  return lastIn(mapping, { byteOffset: lead, byteLength: length }, loaded);
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
export function count(core: RegionCore, needle: Needle, range: ByteRange | undefined): number {
  const given = readRange(range, SEARCH);
  const loaded = loadNeedle(needle);
  const mapping = core.live(SEARCH);
  return countIn(mapping, core.span(given, SEARCH), loaded);
}

/** `MmapRegion.equals` */
export function equals(core: RegionCore, other: Uint8Array, byteOffset?: number): boolean {
  const { start, bytes, byteLength } = comparison(core, other, byteOffset);
  if (start + byteLength > core.byteLength) return false;
  return order(core, bytes, start, byteLength) === 0;
}

/** `MmapRegion.compare` */
export function compare(core: RegionCore, other: Uint8Array, byteOffset?: number): -1 | 0 | 1 {
  const { start, bytes, byteLength } = comparison(core, other, byteOffset);
  const length = Math.max(0, Math.min(byteLength, core.byteLength - start));
  const found = order(core, bytes, start, length);
  if (found !== 0) return found < 0 ? -1 : 1;
  return length < byteLength ? -1 : 0;
}

function comparison(
  core: RegionCore,
  other: Uint8Array,
  byteOffset: number | undefined,
): { start: number; bytes: Uint8Array; byteLength: number } {
  const start = optionalNumber(byteOffset, "byteOffset", COMPARE) ?? 0;
  const bytes = plainBytes(other, "other", COMPARE);
  core.live(COMPARE);
  return { start, bytes, byteLength: lengthOf(bytes) };
}

function order(core: RegionCore, bytes: Uint8Array, start: number, byteLength: number): number {
  return compareSpan(core.live(COMPARE), { byteOffset: core.lead + start, byteLength }, bytes);
}

/** `MmapRegion.split` */
export function split(
  core: RegionCore,
  parts: number,
  boundary: Needle,
): Required<ByteRange>[] {
  const wanted = wholeNumber(parts, "parts", SPLIT, 1);
  const needle = loadNeedle(boundary);
  core.live(SPLIT);
  const ranges: Required<ByteRange>[] = [];
  const { byteLength } = core;
  for (let byteOffset = 0; byteOffset < byteLength;) {
    // What is left is shared evenly by the parts that are left.
    const share = Math.ceil((byteLength - byteOffset) / Math.max(1, wanted - ranges.length));
    const end = boundaryAfter(core, needle, byteOffset, byteOffset + share);
    ranges.push({ byteOffset, byteLength: end - byteOffset });
    byteOffset = end;
  }
  return ranges;
}

/** Where the first boundary ends that ends at `wanted` or behind it and begins at `start` or behind. */
function boundaryAfter(
  core: RegionCore,
  needle: LoadedNeedle,
  start: number,
  wanted: number,
): number {
  const { byteLength, lead } = core;
  const from = Math.max(start, wanted - needle.byteLength);
  if (wanted >= byteLength || from >= byteLength) return byteLength;
  const span = { byteOffset: lead + from, byteLength: byteLength - from };
  const found = firstIn(core.live(SPLIT), span, needle);
  return found === -1 ? byteLength : from + found + needle.byteLength;
}
