/** Which pages of a mapping are not its object's: the guard puts zeros and copies there. */

import { addressOf, type Range } from "../../../ffi/memory.ts";
import type { Span } from "../arithmetic.ts";
import type { MapRequest } from "../system.ts";
import {
  type Area,
  areaAt,
  areasOf,
  PAGE_EXECUTE_WRITECOPY,
  PAGE_WRITECOPY,
} from "./allocations.ts";

/** The guard's zeros, which are memory without an object. */
function isZeros({ isCommitted, isView }: Area): boolean {
  return isCommitted && !isView;
}

/**
 * See `MemorySystem.foreignSpans`. A shared mapping holds nothing of its own, so all of it is mapped
 * again; of a private one, what the guard has put there, since the other pages may hold changes.
 */
export function foreignSpans(range: Range, { object, sharing }: MapRequest): Span[] {
  if (object === undefined) return [];
  if (sharing === "shared") return [{ byteOffset: 0, byteLength: range.byteLength }];
  const first = Number(addressOf(range.pointer));
  return [...areasOf(range)].filter(isZeros)
    .map(({ start, end }) => ({ byteOffset: start - first, byteLength: end - start }));
}

/** See `MemorySystem.isAnonymous`. */
export function isAnonymous({ pointer }: Range): boolean {
  return isZeros(areaAt(Number(addressOf(pointer))));
}

/** See `MemorySystem.isPrivate`. */
export function isPrivate({ pointer }: Range): boolean {
  const { isView, madeWith } = areaAt(Number(addressOf(pointer)));
  return !isView || (madeWith & (PAGE_WRITECOPY | PAGE_EXECUTE_WRITECOPY)) !== 0;
}
