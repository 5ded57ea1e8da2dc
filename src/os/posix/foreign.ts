/** Which pages of a mapping are not its object's: the guard puts zeros and copies there. */

import { MADV_KEEPONFORK, MADV_WIPEONFORK } from "../../../ffi/constants.ts";
import { errnoName } from "../../../ffi/errno.ts";
import { libc, threadErrno } from "../../../ffi/libc.ts";
import { pointerAt, type Range } from "../../../ffi/memory.ts";
import { pageSize } from "../../../ffi/file_calls.ts";
import { alignUp, type Span } from "../arithmetic.ts";
import type { MapRequest } from "../system.ts";

/**
 * See `MemorySystem.foreignSpans`. For a shared mapping this is all of it, since it holds nothing
 * of its own. For a private one, it is what the guard has put there, since the other pages may hold
 * changes. Private memory without a file is never replaced.
 */
export function foreignSpans(range: Range, { object, sharing, single }: MapRequest): Span[] {
  if (object === undefined) return [];
  if (sharing === "private") return spansOf(range, isForeign);
  if (single) return spansOf(range, isPrivate);
  return [{ byteOffset: 0, byteLength: range.byteLength }];
}

/** The pages of a mapping that meet a condition. */
function spansOf({ pointer, byteLength }: Range, isMeant: (page: Range) => boolean): Span[] {
  const step = pageSize();
  const end = alignUp(byteLength, step);
  const isMeantAt = (at: number) => isMeant({ pointer: pointerAt(pointer, at), byteLength: step });
  const spans: Span[] = [];
  for (let byteOffset = 0; byteOffset < end;) {
    let last = byteOffset;
    while (last < end && isMeantAt(last)) last += step;
    if (last > byteOffset) spans.push({ byteOffset, byteLength: last - byteOffset });
    byteOffset = last + step;
  }
  return spans;
}

/** See `MemorySystem.isForeign`. */
export function isForeign(page: Range): boolean {
  return isAnonymous(page) || !isPrivate(page);
}

/** See `MemorySystem.isAnonymous`. Only such memory accepts MADV_WIPEONFORK. */
export function isAnonymous({ pointer, byteLength }: Range): boolean {
  const { madvise } = libc();
  if (madvise(pointer, BigInt(byteLength), MADV_WIPEONFORK) !== 0) return false;
  // Otherwise the kernel could not merge neighbouring mappings.
  madvise(pointer, BigInt(byteLength), MADV_KEEPONFORK);
  return true;
}

/** See `MemorySystem.isPrivate`. Only shared mappings can be duplicated by `mremap`. */
export function isPrivate({ pointer, byteLength }: Range): boolean {
  libc().mremap!(pointer, 0n, BigInt(byteLength), 0, null);
  return errnoName(threadErrno[0]!) === "EINVAL";
}
