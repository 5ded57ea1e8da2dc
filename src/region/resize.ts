/** `MmapRegion.resize`: the object's size and the mapping's, together or not at all. */

import { discardSpan } from "../mapping/discard.ts";
import type { Mapping } from "../mapping/mapping.ts";
import { wholeNumber } from "../check/numbers.ts";
import { restoreMapping } from "../mapping/repair.ts";
import { resizeMapping } from "../mapping/resize.ts";
import { system } from "../os/mod.ts";
import type { OpenObject } from "../os/system.ts";
import type { RegionCore } from "./core.ts";
import { labelMemory } from "./make.ts";

/** `MmapRegion.resize`: gives the object another size too, where the region ends with it. */
export function resizeRegion(core: RegionCore, wanted: number): void {
  const byteLength = wholeNumber(wanted, "byteLength", "resize region", 1);
  core.live("resize region");
  wholeNumber(core.facts.byteOffset + byteLength, "the region's end", "resize region");
  const mapping = idle(core, byteLength, "resize region");
  if (!isWithin(mapping, core, byteLength)) mapping.checkPresent(); // before anything changes
  const { cut, undo } = extendObject(core, byteLength);
  try {
    resizeMemory(core, mapping, byteLength, cut);
  } catch (error) {
    undo();
    throw error;
  }
}

/** Gives a region the length that its object has now. */
export function refreshRegion(core: RegionCore): void {
  core.live("refresh region");
  const { object, byteOffset } = core.facts;
  if (object === undefined) return;
  const status = system().objects.status(object);
  const byteLength = status.byteLength - byteOffset;
  if (status.type !== "file" || byteLength === core.byteLength) return;
  if (byteLength <= 0) {
    throw new RangeError(
      `Cannot refresh region as its object has ${status.byteLength} bytes now, ` +
        `and the region begins at ${byteOffset}`,
    );
  }
  resizeMemory(core, idle(core, byteLength, "refresh region"), byteLength, nothing);
}

/** The mapping, if no other thread works on it, or if it stays where it is and loses nothing. */
function idle(core: RegionCore, byteLength: number, action: string): Mapping {
  const mapping = core.live(action);
  const grows = byteLength >= core.byteLength;
  if (!mapping.pinned || grows && isWithin(mapping, core, byteLength)) return mapping;
  throw new Deno.errors.Busy(`Cannot ${action}: a flush, a populate or a wait is under way`);
}

/** Whether the mapping was made long enough for that length. */
function isWithin(mapping: Mapping, core: RegionCore, byteLength: number): boolean {
  return core.facts.reserved && core.lead + byteLength <= mapping.byteLength;
}

function resizeMemory(
  core: RegionCore,
  mapping: Mapping,
  byteLength: number,
  cut: () => void,
): void {
  core.repairOverlays();
  core.healing();
  const end = core.lead + byteLength;
  if (isWithin(mapping, core, byteLength)) {
    // The mapping reaches beyond the object already: what the object gained is there.
    restoreMapping(mapping); // first, as cutting cannot be undone
    cut();
    if (core.facts.object === undefined && byteLength < core.byteLength) {
      discardSpan(mapping, { byteOffset: end, byteLength: core.byteLength - byteLength });
    }
  } else {
    resizeMapping(mapping, end, cut);
    labelMemory(core);
  }
  core.setByteLength(byteLength);
}

/** What is left to do to an object. */
interface ObjectResize {
  /** Makes it shorter, if it is to be. */
  readonly cut: () => void;
  /** Takes an extension back. */
  readonly undo: () => void;
}

const nothing = (): void => {};

/** Makes the object longer, if it is to be. */
function extendObject(core: RegionCore, byteLength: number): ObjectResize {
  const { object, byteOffset, sizable, allocate } = core.facts;
  if (object === undefined) return { cut: nothing, undo: nothing };
  const { objects } = system();
  const status = objects.status(object);
  if (status.type !== "file") {
    throw new Deno.errors.NotSupported("Cannot resize region: it is a mapping of a device");
  }
  const size = status.byteLength;
  const end = byteOffset + byteLength;
  const subject = core.live("resize region").request.subject;
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
  // A window into a longer file leaves what lies behind it alone.
  const atEnd = byteOffset + core.byteLength >= size;
  const shorter = sizable && atEnd && end < size;
  if (shorter) objects.checkMayShrink(object);
  return {
    cut: shorter ? () => shorten(object, size, end) : nothing,
    undo: nothing,
  };
}

/** Makes an object shorter, unless somebody has given it another size since. */
function shorten(object: OpenObject, from: number, to: number): void {
  const { objects } = system();
  if (objects.status(object).byteLength === from) objects.setSize(object, to);
}
