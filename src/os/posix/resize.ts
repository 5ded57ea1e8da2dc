/** Growing and shrinking a mapping. */

import { bufferOver, pointerAt, type Range } from "../../../ffi/memory.ts";
import { alignUp } from "../arithmetic.ts";
import type { MapRequest, PlacedRange, Resize } from "../system.ts";
import { copyWhatIsThere } from "./copy.ts";
import { place } from "./placement.ts";
import { extendRange, moveRange, replace, unmap } from "./ranges.ts";

/** A mapping whose length is to change. */
interface Change {
  readonly placed: PlacedRange;
  readonly request: MapRequest;
  readonly byteLength: number;
}

/**
 * See `MemorySystem.resize`. An object that gets longer must have its new size already; one that
 * gets shorter is cut once the mapping no longer covers the rest.
 */
export function resize(placed: PlacedRange, request: MapRequest, byteLength: number): Resize {
  const change = { placed, request, byteLength };
  const pages = alignUp(byteLength, request.pageSize);
  const grows = pages > placed.pages.byteLength;
  // Taken before anything changes: if no addresses are left, it fails here.
  const target = grows && placed.start + pages > placed.end
    ? reserve(request, byteLength, headroomOf(pages))
    : undefined;
  return {
    finish: (used, cut) => {
      if (grows) return grow(change, target, used);
      return used ? shrinkElsewhere(change, cut) : shrink(change, cut);
    },
    cancel: () => {
      if (target !== undefined) unmap(target.pages);
    },
  };
}

const LEAST_HEADROOM = 2 ** 20;
const MOST_HEADROOM = 2 ** 30;

/**
 * How many more addresses to take for further growth. A mapping that has grown once will probably
 * grow again. Before that it gets none: addresses cost no memory, but they are not reused.
 */
function headroomOf(pages: number): number {
  return Math.min(Math.max(pages, LEAST_HEADROOM), MOST_HEADROOM);
}

/** Addresses for the same kind of pages of the same part of the object. */
function reserve(request: MapRequest, byteLength: number, headroom = 0): PlacedRange {
  const { fileOffset, pageSize } = request;
  return place({
    byteLength: alignUp(byteLength, pageSize),
    protection: "none",
    sharing: "private",
    reserve: false,
    flags: 0,
    object: undefined,
    fileOffset,
    pageSize,
    address: 0n,
    subject: undefined,
    guarded: false,
  }, headroom);
}

function grow(change: Change, target: PlacedRange | undefined, used: boolean): PlacedRange {
  return (target === undefined ? growInPlace(change) : undefined) ??
    growElsewhere(change, target, used);
}

/** Undefined if the system refuses: a late access of native code may have left zeros there. */
function growInPlace({ request, placed, byteLength }: Change): PlacedRange | undefined {
  const { pages: { pointer, byteLength: old }, start, end } = placed;
  const pages = { pointer, byteLength: alignUp(byteLength, request.pageSize) };
  if (!extendRange({ pointer, byteLength: old }, pages.byteLength)) return undefined;
  return { range: { pointer, byteLength }, pages, start, end };
}

function growElsewhere(
  { request, placed, byteLength }: Change,
  reserved: PlacedRange | undefined,
  used: boolean,
): PlacedRange {
  const { pages, start, end } = reserved ?? reserve(request, byteLength);
  try {
    if (used) {
      mapAnew(pages, placed.pages, request);
    } else if (moveRange(placed.pages, pages) !== 0) {
      mapAnew(pages, placed.pages, request);
      unmap(placed.pages);
    }
  } catch (error) {
    if (reserved === undefined) unmap(pages);
    throw error;
  }
  return { range: { pointer: pages.pointer, byteLength }, pages, start, end };
}

/** Maps the object again over addresses that are the caller's; private memory is copied. */
function mapAnew(target: Range, old: Range, request: MapRequest): void {
  replace(target, request);
  if (request.sharing === "private") copyWhatIsThere(old, target);
}

function shrink(change: Change, cut: () => void): PlacedRange {
  const { placed: { pages: old, start, end }, request, byteLength } = change;
  const { pointer } = old;
  const pages = { pointer, byteLength: alignUp(byteLength, request.pageSize) };
  cut();
  clearTail(change, pages);
  if (pages.byteLength < old.byteLength) {
    const byteLength = old.byteLength - pages.byteLength;
    unmap({ pointer: pointerAt(pointer, pages.byteLength), byteLength });
  }
  return { range: { pointer, byteLength }, pages, start, end };
}

/**
 * Leaves the old range to those that still use it. What is cut off the object is gone for them too.
 */
function shrinkElsewhere(change: Change, cut: () => void): PlacedRange {
  const { placed, request, byteLength } = change;
  const { pages, start, end } = reserve(request, byteLength);
  try {
    mapAnew(pages, placed.pages, request);
    cut();
    clearTail(change, pages);
  } catch (error) {
    unmap(pages);
    throw error;
  }
  return { range: { pointer: pages.pointer, byteLength }, pages, start, end };
}

/**
 * Zeroes private memory beyond the new end, or its old content would reappear when it grows again.
 */
function clearTail({ placed, request, byteLength }: Change, pages: Range): void {
  const end = Math.min(pages.byteLength, placed.range.byteLength);
  if (request.object !== undefined || end <= byteLength) return;
  const tail = { pointer: pointerAt(pages.pointer, byteLength), byteLength: end - byteLength };
  new Uint8Array(bufferOver(tail)).fill(0);
}
