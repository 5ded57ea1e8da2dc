/** Maps at addresses that no other mapping had before. */

import { processTable } from "../../ffi/guard/guard.ts";
import type { Room } from "../../ffi/guard/addresses.ts";
import { addressOf, pointerFrom, type Range } from "../../ffi/memory.ts";
import { alignUp } from "./pages.ts";
import { mapRange, type MapRequest, unmapRange } from "./range.ts";

/** A mapping's range, and where it may grow to. */
export interface PlacedRange {
  readonly range: Range;
  /** The same in whole pages of the mapping. */
  readonly pages: Range;
  /** Its address. */
  readonly start: number;
  /** Behind the addresses that are the mapping's own: nobody else is given those before it. */
  readonly end: number;
}

/**
 * From here on, in bytes, a mapping begins at the same place of a huge page as its part of the file:
 * only then can huge pages serve it.
 */
const HUGE_PAGE = 2 ** 21;

/** Others can take a place only by a wish of their own for just that address. */
const TRIES = 4;

/**
 * Maps what a request asks for. A request with an address of its own keeps it.
 *
 * @param headroom how many bytes behind the range are to be the mapping's own too
 * @throws the system error of `mmap`
 */
export function mapPlaced(request: MapRequest, headroom = 0): PlacedRange {
  const byteLength = alignUp(request.byteLength, request.pageSize);
  for (let tries = 0; request.address === 0n && tries < TRIES; tries++) {
    const room = roomFor(request, byteLength + headroom);
    if (room === undefined) break;
    const wish = pointerFrom(BigInt(room.start));
    const range = mapRange(request, wish);
    const pages = { pointer: range.pointer, byteLength };
    if (Deno.UnsafePointer.equals(range.pointer, wish)) return { range, pages, ...room };
    unmapRange(pages);
  }
  const range = mapRange(request);
  const start = Number(addressOf(range.pointer));
  return { range, pages: { pointer: range.pointer, byteLength }, start, end: start + byteLength };
}

function roomFor({ pageSize, fileOffset }: MapRequest, byteLength: number): Room | undefined {
  const table = processTable();
  if (table === undefined) return undefined;
  const alignment = byteLength < HUGE_PAGE ? pageSize : Math.max(pageSize, HUGE_PAGE);
  return table.addresses.take(byteLength, alignment, fileOffset % alignment);
}
