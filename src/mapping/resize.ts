/** Growing and shrinking a mapping. */

import {
  MAP_ANONYMOUS,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MAP_SHARED,
  PROT_NONE,
} from "../../ffi/constants.ts";
import { bufferOver, pointerAt, type Range } from "../../ffi/memory.ts";
import { pageSize } from "../../ffi/page_size.ts";
import { copyWhatIsThere } from "./copy.ts";
import type { Mapping } from "./mapping.ts";
import { alignUp } from "./pages.ts";
import { mapOver, mapRange, type MapRequest, moveRange, unmapRange } from "./range.ts";
import { restoreMapping } from "./repair.ts";

/**
 * Gives a mapping another length, at another address if need be. An object that gets longer must
 * have its new size already. Every page gets the mapping's own protection again.
 *
 * @param cut makes the object shorter; called when no view is left, since this cannot be undone
 * @throws the system error; the mapping then is as before, but for its views, which may be dead.
 */
export function resizeMapping(mapping: Mapping, byteLength: number, cut: () => void): void {
  const pages = alignUp(byteLength, pageSize());
  const oldPages = alignUp(mapping.byteLength, pageSize());
  if (pages > oldPages) return grow(mapping, byteLength);
  mapping.move(byteLength, ({ pointer }) => {
    restoreMapping(mapping);
    cut();
    clearTail(mapping, byteLength, pages);
    if (pages < oldPages) {
      unmapRange({ pointer: pointerAt(pointer, pages), byteLength: oldPages - pages });
    }
    return { pointer, byteLength };
  });
}

/** What private memory held behind its new end must not come back when it grows again. */
function clearTail(mapping: Mapping, byteLength: number, pages: number): void {
  const end = Math.min(pages, mapping.byteLength);
  if (mapping.request.fd !== -1 || end <= byteLength) return;
  const tail = { pointer: pointerAt(mapping.pointer, byteLength), byteLength: end - byteLength };
  new Uint8Array(bufferOver(tail)).fill(0);
}

function grow(mapping: Mapping, byteLength: number): void {
  // Taken before anything changes: where there are no addresses left, it fails here.
  const target = reserve(byteLength);
  try {
    mapping.move(byteLength, (old) => {
      // One protection again makes it one mapping again, which is what mremap wants.
      restoreMapping(mapping);
      if (!moveRange(old, target)) mapAnew(target, old, mapping.request);
      return target;
    });
  } catch (error) {
    unmapRange(target);
    throw error;
  }
}

function reserve(byteLength: number): Range {
  return mapRange({
    byteLength,
    protection: PROT_NONE,
    flags: MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
    fd: -1,
    fileOffset: 0,
    address: 0n,
    subject: undefined,
    guarded: false,
  });
}

/** Maps the object again at `target`; a private mapping's content is copied. */
function mapAnew(target: Range, old: Range, request: MapRequest): void {
  mapOver(target, request);
  if ((request.flags & MAP_SHARED) === 0) copyWhatIsThere(old, target);
  unmapRange(old);
}
