/** `MmapRegion.resize`: the object's size and the mapping's, together or not at all. */

import { retryInterrupted } from "../../ffi/call.ts";
import { ftruncate } from "../../ffi/file_calls.ts";
import { statusOf } from "../../ffi/status.ts";
import { resizeMapping } from "../mapping/resize.ts";
import { extend } from "../object/size.ts";
import type { RegionCore } from "./core.ts";
import { labelMemory } from "./make.ts";

/** Gives a region and, where it ends with its object, the object another size. */
export function resizeRegion(core: RegionCore, byteLength: number): void {
  const mapping = core.live("resize region");
  if (mapping.pinned) {
    throw new Deno.errors.Busy("Cannot resize region: a flush or populate is under way");
  }
  const { cut, undo } = extendObject(core, byteLength);
  try {
    resizeMapping(mapping, core.lead + byteLength, cut);
  } catch (error) {
    undo();
    throw error;
  }
  labelMemory(core);
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
  const { fd, byteOffset, sizable, allocate } = core.facts;
  if (fd === -1) return { cut: nothing, undo: nothing };
  const status = statusOf(fd);
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
    extend(fd, size, end, allocate, subject);
    return { cut: nothing, undo: () => shortenAgain(fd, size) };
  }
  // A window into a longer file leaves what lies behind it alone.
  const atEnd = byteOffset + core.byteLength >= size;
  const shorter = sizable && atEnd && end < size;
  return {
    cut: shorter ? () => retryInterrupted(() => ftruncate(fd, end)) : nothing,
    undo: nothing,
  };
}

function shortenAgain(fd: number, size: number): void {
  try {
    ftruncate(fd, size);
  } catch (error) {
    // Sealed against shrinking: it stays longer. What went wrong before is what has to be told.
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
  }
}
