/** `MmapRegion.resize`: changes the sizes of the object and the mapping, together or not at all. */

import { cutObject, discardSpan, guardDrops } from "../mapping/page_calls.ts";
import type { Mapping } from "../mapping/mapping.ts";
import { wholeNumber } from "../check/numbers.ts";
import { restoreMapping } from "../mapping/repair.ts";
import { system } from "../os/mod.ts";
import type { OpenObject } from "../os/system.ts";
import type { RegionBacking } from "./backing.ts";
import { labelMemory } from "./make.ts";

/** `MmapRegion.resize`: resizes the object too, if the region ends where it ends. */
export function resizeRegion(backing: RegionBacking, wanted: number): void {
  const byteLength = wholeNumber(wanted, "byteLength", "resize region", 1);
  backing.live("resize region");
  wholeNumber(backing.attributes.byteOffset + byteLength, "the region's end", "resize region");
  const mapping = idle(backing, byteLength, "resize region");
  if (!isWithin(mapping, backing, byteLength)) { // before anything changes
    mapping.checkPresent();
    const { placed, request } = mapping;
    system().memory.checkMayResize?.(placed, request, backing.pageOffset + byteLength);
  }
  const { cut, undo } = extendObject(backing, byteLength);
  try {
    resizeMemory(backing, mapping, byteLength, cut);
  } catch (error) {
    undo();
    throw error;
  }
}

/** Gives a region the present length of its object. */
export function refreshRegion(backing: RegionBacking): void {
  backing.live("refresh region");
  const { object, byteOffset } = backing.attributes;
  if (object === undefined) return;
  const status = system().objects.status(object);
  const byteLength = status.byteLength - byteOffset;
  if (status.type !== "file" || byteLength === backing.byteLength) return;
  if (byteLength <= 0) {
    throw new RangeError(
      `Cannot refresh region as its object has ${status.byteLength} bytes now, ` +
        `and the region begins at ${byteOffset}`,
    );
  }
  resizeMemory(backing, idle(backing, byteLength, "refresh region"), byteLength, nothing);
}

/** The mapping, if no other thread is using it, or if it stays in place and does not shrink. */
function idle(backing: RegionBacking, byteLength: number, action: string): Mapping {
  const mapping = backing.live(action);
  const grows = byteLength >= backing.byteLength;
  if (!mapping.pinned || grows && isWithin(mapping, backing, byteLength)) return mapping;
  throw new Deno.errors.Busy(`Cannot ${action}: a flush, a populate or a wait is under way`);
}

/** Whether the mapping is long enough for that length. */
function isWithin(mapping: Mapping, backing: RegionBacking, byteLength: number): boolean {
  return backing.attributes.reserved && backing.pageOffset + byteLength <= mapping.byteLength;
}

function resizeMemory(
  backing: RegionBacking,
  mapping: Mapping,
  byteLength: number,
  cut: () => void,
): void {
  backing.repairOverlays();
  backing.healing();
  const end = backing.pageOffset + byteLength;
  if (isWithin(mapping, backing, byteLength)) {
    // The mapping reaches beyond the object already, so the added part is mapped.
    restoreMapping(mapping); // first, as cutting cannot be undone
    cutObject(mapping, cut);
    if (backing.attributes.object === undefined && byteLength < backing.byteLength) {
      if (backing.attributes.guard) guardDrops(mapping);
      discardSpan(mapping, { byteOffset: end, byteLength: backing.byteLength - byteLength });
    }
  } else {
    resizeMapping(mapping, end, cut);
    labelMemory(backing);
  }
  backing.setByteLength(byteLength);
}

/** The remaining steps of resizing an object. */
interface ObjectResize {
  /** Makes it shorter, if it has to be. */
  readonly cut: () => void;
  /** Undoes an extension. */
  readonly undo: () => void;
}

const nothing = (): void => {};

/** Makes the object longer, if it has to be. */
function extendObject(backing: RegionBacking, byteLength: number): ObjectResize {
  const { object, byteOffset, sizable, allocate } = backing.attributes;
  if (object === undefined) return { cut: nothing, undo: nothing };
  const { objects } = system();
  const status = objects.status(object);
  if (status.type !== "file") {
    throw new Deno.errors.NotSupported("Cannot resize region: it is a mapping of a device");
  }
  const size = status.byteLength;
  const end = byteOffset + byteLength;
  const subject = backing.live("resize region").request.subject;
  if (end > size) {
    if (!sizable) {
      throw new RangeError(
        `Cannot resize region as it must lie within the ${size} bytes of its object, which this ` +
          `region cannot extend: received ${byteLength}`,
      );
    }
    objects.extend(object, status, end, allocate, subject);
    return { cut: nothing, undo: () => objects.takeBack(object, size, end) };
  }
  // A region in the middle of a longer file leaves the rest of the file alone.
  const atEnd = byteOffset + backing.byteLength >= size;
  const shorter = sizable && atEnd && end < size;
  if (shorter) objects.checkMayShrink(object);
  return {
    cut: shorter ? () => shorten(object, size, end) : nothing,
    undo: nothing,
  };
}

/** Makes an object shorter, unless somebody has resized it since. */
function shorten(object: OpenObject, from: number, to: number): void {
  const { objects } = system();
  if (objects.status(object).byteLength === from) objects.setSize(object, to);
}

/**
 * Gives a mapping another length, at another address if necessary. An object that gets longer must
 * have its new size already. Every page gets the mapping's own protection again.
 *
 * @param cut makes the object shorter; called when no view is left, since it cannot be undone
 * @throws the system error; the mapping is then unchanged, but its views may be detached
 */
function resizeMapping(mapping: Mapping, byteLength: number, cut: () => void): void {
  const resize = system().memory.resize(mapping.placed, mapping.request, byteLength);
  try {
    mapping.move(byteLength, (used) => {
      // With one protection it is one mapping again, as the system requires.
      restoreMapping(mapping);
      return resize.finish(used, cut);
    });
  } catch (error) {
    resize.cancel();
    throw error;
  }
}
