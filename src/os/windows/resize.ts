/**
 * Growing and shrinking a mapping. Nobody can make a file shorter that somebody maps, so a mapping
 * leaves its file for that moment, and comes back.
 */

import { isSystemError } from "../../../ffi/call.ts";
import { pointerAt, type Range } from "../../../ffi/memory.ts";
import { ERROR_USER_MAPPED_FILE } from "../../../ffi/windows/errors.ts";
import { newStruct, windows } from "../../../ffi/windows/library.ts";
import { alignUp } from "../arithmetic.ts";
import type { MapRequest, PlacedRange, Resize } from "../system.ts";
import { PAGE_READWRITE, piecesOf, pointerTo } from "./allocations.ts";
import { copyWhatIsThere, zero } from "./copy.ts";
import { isSection } from "./sections.ts";
import { checkRoom, clear, dropSource, fill, PAGE, place, unmap } from "./views.ts";

const LEAST_HEADROOM = 2 ** 20;
const MOST_HEADROOM = 2 ** 30;

/** See `headroomOf` of other systems: what has grown once will probably grow again. */
function headroomOf(pages: number): number {
  return Math.min(Math.max(pages, LEAST_HEADROOM), MOST_HEADROOM);
}

/** Whether a mapping is of a file, which limits it. */
function isOfFile({ object }: MapRequest): boolean {
  return object !== undefined && !isSection(object);
}

/** How much of a mapping is not a placeholder. */
function mappedOf({ start, end }: PlacedRange): number {
  const mapped = piecesOf(start, end).filter(({ isView, isCommitted }) => isView || isCommitted);
  return (mapped.at(-1)?.end ?? start) - start;
}

/** See `MemorySystem.checkMayResize`. */
export function checkMayResize(placed: PlacedRange, mapped: MapRequest, byteLength: number): void {
  if (!isOfFile(mapped)) return;
  const pages = alignUp(byteLength, PAGE);
  if (placed.start + pages > placed.end) checkRoom(pages + headroomOf(pages));
}

/** See `MemorySystem.resize`. Nobody is told who still uses the old memory, so it is given back. */
export function resize(placed: PlacedRange, request: MapRequest, byteLength: number): Resize {
  const pages = alignUp(byteLength, PAGE);
  const wanted = { ...request, byteLength };
  if (pages <= placed.pages.byteLength) {
    return { finish: (_used, cut) => shrink(placed, request, wanted, cut), cancel: () => {} };
  }
  if (placed.start + pages <= placed.end) {
    return { finish: () => growInPlace(placed, wanted), cancel: () => {} };
  }
  // Taken before anything changes: if there is no room, it fails here.
  const target = place({ ...wanted, address: 0n }, headroomOf(pages));
  return {
    finish: () => {
      if (request.sharing === "private") {
        copyWhatIsThere(placed.start, target.start, placed.pages.byteLength);
      }
      unmap(placed.pages);
      return target;
    },
    cancel: () => unmap(target.pages),
  };
}

function resized({ start, end }: PlacedRange, byteLength: number): PlacedRange {
  const pointer = pointerTo(start);
  const pages: Range = { pointer, byteLength: alignUp(byteLength, PAGE) };
  return { range: { pointer, byteLength }, pages, start, end };
}

/** Maps what there is behind what is mapped. A growth that failed may have left the rest in parts. */
function fillRest(placed: PlacedRange, request: MapRequest): void {
  const { start, end } = placed;
  const done = mappedOf(placed);
  clear(start + done, end);
  fill(start, end, request, done);
}

function growInPlace(placed: PlacedRange, wanted: MapRequest): PlacedRange {
  fillRest(placed, wanted);
  return resized(placed, wanted.byteLength);
}

function shrink(
  placed: PlacedRange,
  request: MapRequest,
  wanted: MapRequest,
  cut: () => void,
): PlacedRange {
  const { start, end } = placed;
  const { byteLength } = wanted;
  if (isOfFile(request)) {
    if (request.sharing === "private") return shrinkCopy(placed, wanted);
    cutFile(placed, request, wanted, cut);
    return resized(placed, byteLength);
  }
  cut();
  if (request.object === undefined) {
    const kept = alignUp(byteLength, PAGE);
    // What is left of the last page would come back.
    const tail = Math.min(kept, placed.range.byteLength) - byteLength;
    const pointer = pointerAt(pointerTo(start), byteLength);
    if (tail > 0) zeroTail({ pointer, byteLength: tail });
    if (kept < placed.pages.byteLength) clear(start + kept, end);
  }
  return resized(placed, byteLength);
}

/** Zeroes private memory, also where its protection forbids that. */
function zeroTail(range: Range): void {
  const { VirtualProtect } = windows();
  const { bytes, view } = newStruct(4);
  const length = BigInt(range.byteLength);
  if (VirtualProtect(range.pointer, length, PAGE_READWRITE, bytes) === 0) return;
  zero(range);
  VirtualProtect(range.pointer, length, view.getUint32(0, true), bytes);
}

/** A view cannot be cut, and copied pages are lost with theirs: so the rest is copied. */
function shrinkCopy(placed: PlacedRange, wanted: MapRequest): PlacedRange {
  const pages = alignUp(wanted.byteLength, PAGE);
  if (pages === placed.pages.byteLength) return resized(placed, wanted.byteLength);
  const target = place({ ...wanted, address: 0n });
  copyWhatIsThere(placed.start, target.start, pages);
  unmap(placed.pages);
  return target;
}

/**
 * Cuts a file that is mapped here.
 *
 * @param after the mapping that it has then
 * @throws ERROR_USER_MAPPED_FILE if others map it too; then all is as before
 */
function cutFile(
  { start, end }: PlacedRange,
  before: MapRequest,
  after: MapRequest,
  cut: () => void,
): void {
  clear(start, end);
  dropSource(start);
  let present = before;
  try {
    cut();
    present = after;
  } finally {
    fill(start, end, present, 0);
  }
}

/** See `MemorySystem.follow`. */
export function follow(placed: PlacedRange, request: MapRequest, cut: () => void): void {
  if (!isOfFile(request)) return cut();
  try {
    cut();
  } catch (error) {
    if (!isSystemError(error) || error.errno !== ERROR_USER_MAPPED_FILE) throw error;
    cutFile(placed, request, request, cut);
  }
  fillRest(placed, request);
}
