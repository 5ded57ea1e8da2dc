/** Cutting a region into parts for several workers. */

import { type LoadedNeedle, loadNeedle, type Needle } from "../mapping/needle.ts";
import { type ByteRange, wholeNumber } from "../mapping/pages.ts";
import { firstIn } from "../mapping/search.ts";
import type { RegionCore } from "./core.ts";

const ACTION = "split region";

/** Parts of about the same length, each of which ends behind a boundary. */
export function splitOf(
  core: RegionCore,
  parts: number,
  boundary: Needle,
): Required<ByteRange>[] {
  const count = wholeNumber(parts, "parts", ACTION, 1);
  const needle = loadNeedle(boundary);
  core.live(ACTION);
  const ranges: Required<ByteRange>[] = [];
  const { byteLength } = core;
  for (let byteOffset = 0; byteOffset < byteLength;) {
    // What is left is shared evenly by the parts that are left.
    const share = Math.ceil((byteLength - byteOffset) / Math.max(1, count - ranges.length));
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
  const found = firstIn(core.live(ACTION), span, needle);
  return found === -1 ? byteLength : from + found + needle.byteLength;
}
