/** Growing and shrinking a mapping. */

import {
  MAP_ANONYMOUS,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MAP_SHARED,
  PROT_NONE,
} from "../../ffi/constants.ts";
import { bufferOver, pointerAt, type Range } from "../../ffi/memory.ts";
import { copyWhatIsThere } from "./copy.ts";
import type { Mapping } from "./mapping.ts";
import { alignUp } from "./pages.ts";
import { mapPlaced, type PlacedRange } from "./placement.ts";
import { extendRange, mapOver, type MapRequest, moveRange, unmapRange } from "./range.ts";
import { restoreMapping } from "./repair.ts";

/**
 * Gives a mapping another length, at another address if need be. An object that gets longer must
 * have its new size already. Every page gets the mapping's own protection again.
 *
 * @param cut makes the object shorter; called when no view is left, since this cannot be undone
 * @throws the system error; the mapping then is as before, but for its views, which may be dead.
 */
export function resizeMapping(mapping: Mapping, byteLength: number, cut: () => void): void {
  const pages = alignUp(byteLength, mapping.request.pageSize);
  const grows = pages > mapping.placed.pages.byteLength;
  // Taken before anything changes: where there are no addresses left, it fails here.
  const target = grows && !mayGrowInPlace(mapping, pages)
    ? reserve(mapping.request, byteLength, headroomOf(pages))
    : undefined;
  try {
    mapping.move(byteLength, (used) => {
      if (grows) return grow(mapping, byteLength, target, used);
      return used ? shrinkElsewhere(mapping, byteLength, cut) : shrink(mapping, byteLength, cut);
    });
  } catch (error) {
    if (target !== undefined) unmapRange(target.pages);
    throw error;
  }
}

function mayGrowInPlace({ placed }: Mapping, pages: number): boolean {
  return placed.start + pages <= placed.end;
}

const LEAST_HEADROOM = 2 ** 20;
const MOST_HEADROOM = 2 ** 30;

/**
 * Who grows once will grow again. Addresses cost nothing, but they are not used twice, so that a
 * mapping has none to grow into before it has grown.
 */
function headroomOf(pages: number): number {
  return Math.min(Math.max(pages, LEAST_HEADROOM), MOST_HEADROOM);
}

/** Addresses for the same kind of pages of the same part of the object. */
function reserve(request: MapRequest, byteLength: number, headroom = 0): PlacedRange {
  const { fileOffset, pageSize } = request;
  return mapPlaced({
    byteLength: alignUp(byteLength, pageSize),
    protection: PROT_NONE,
    flags: MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
    fd: -1,
    fileOffset,
    pageSize,
    address: 0n,
    subject: undefined,
    guarded: false,
  }, headroom);
}

function grow(
  mapping: Mapping,
  byteLength: number,
  target: PlacedRange | undefined,
  used: boolean,
): PlacedRange {
  // One protection again makes it one mapping again, which is what mremap wants.
  restoreMapping(mapping);
  return (target === undefined ? growInPlace(mapping, byteLength) : undefined) ??
    growElsewhere(mapping, byteLength, target, used);
}

/** Undefined if the system refuses: native code that came too late may have been given zeros there. */
function growInPlace({ request, placed }: Mapping, byteLength: number): PlacedRange | undefined {
  const { pages: { pointer, byteLength: old }, start, end } = placed;
  const pages = { pointer, byteLength: alignUp(byteLength, request.pageSize) };
  if (!extendRange({ pointer, byteLength: old }, pages.byteLength)) return undefined;
  return { range: { pointer, byteLength }, pages, start, end };
}

function growElsewhere(
  { request, placed }: Mapping,
  byteLength: number,
  reserved: PlacedRange | undefined,
  used: boolean,
): PlacedRange {
  const target = reserved ?? reserve(request, byteLength);
  const { pages, start, end } = target;
  try {
    if (used) {
      mapAnew(pages, placed.pages, request);
    } else if (!moveRange(placed.pages, pages)) {
      mapAnew(pages, placed.pages, request);
      unmapRange(placed.pages);
    }
  } catch (error) {
    if (reserved === undefined) unmapRange(pages);
    throw error;
  }
  return { range: { pointer: pages.pointer, byteLength }, pages, start, end };
}

/** Maps the object again over addresses that are the caller's; private memory is copied. */
function mapAnew(target: Range, old: Range, request: MapRequest): void {
  mapOver(target, request);
  if ((request.flags & MAP_SHARED) === 0) copyWhatIsThere(old, target);
}

function shrink(mapping: Mapping, byteLength: number, cut: () => void): PlacedRange {
  const { pages: old, start, end } = mapping.placed;
  const { pointer } = old;
  const pages = { pointer, byteLength: alignUp(byteLength, mapping.request.pageSize) };
  restoreMapping(mapping);
  cut();
  clearTail(mapping, pages, byteLength);
  if (pages.byteLength < old.byteLength) {
    const byteLength = old.byteLength - pages.byteLength;
    unmapRange({ pointer: pointerAt(pointer, pages.byteLength), byteLength });
  }
  return { range: { pointer, byteLength }, pages, start, end };
}

/** Leaves the old range to whoever uses it; what is cut off of the object is gone for them too. */
function shrinkElsewhere(mapping: Mapping, byteLength: number, cut: () => void): PlacedRange {
  restoreMapping(mapping);
  const { pages, start, end } = reserve(mapping.request, byteLength);
  try {
    mapAnew(pages, mapping.placed.pages, mapping.request);
    cut();
    clearTail(mapping, pages, byteLength);
  } catch (error) {
    unmapRange(pages);
    throw error;
  }
  return { range: { pointer: pages.pointer, byteLength }, pages, start, end };
}

/** What private memory held behind its new end must not come back when it grows again. */
function clearTail({ request, byteLength: old }: Mapping, pages: Range, byteLength: number): void {
  const end = Math.min(pages.byteLength, old);
  if (request.fd !== -1 || end <= byteLength) return;
  const tail = { pointer: pointerAt(pages.pointer, byteLength), byteLength: end - byteLength };
  new Uint8Array(bufferOver(tail)).fill(0);
}
