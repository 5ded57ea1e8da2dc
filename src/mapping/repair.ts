/** Mapping the true object again where the guard had put other pages. */

import { checkZero } from "../../ffi/call.ts";
import { MAP_SHARED } from "../../ffi/constants.ts";
import { libc } from "../../ffi/libc.ts";
import { pointerAt, type Range } from "../../ffi/memory.ts";
import { pageSize } from "../../ffi/page_size.ts";
import type { MappedRange } from "./guard.ts";
import { isForeign, isPrivate } from "./loss.ts";
import { alignUp, type Span } from "./pages.ts";
import { mapOver } from "./range.ts";

/** Heals a mapping; its views stay. Every page gets the mapping's own protection again. */
export function repairMapping(mapped: MappedRange): void {
  const { guard } = mapped;
  if (guard === undefined) return protectAll(mapped);
  guard.alone(() => {
    const { faults } = guard;
    mapAgain(mapped);
    protectAll(mapped);
    // What was absorbed since may lie in pages that had been healed already.
    guard.healed(faults);
  });
}

function mapAgain(mapped: MappedRange): void {
  const { range, request } = mapped;
  for (const { byteOffset, byteLength } of spansToMap(mapped)) {
    mapOver({ pointer: pointerAt(range.pointer, byteOffset), byteLength }, request, byteOffset);
  }
}

/** Heals a mapping if it is cut off; in any case every page gets its own protection again. */
export function restoreMapping(mapped: MappedRange): void {
  if (mapped.guard?.cutOff) repairMapping(mapped);
  else if (mapped.mixed) protectAll(mapped);
}

function protectAll(mapped: MappedRange): void {
  const { range, request } = mapped;
  checkZero(
    libc().mprotect(
      range.pointer,
      BigInt(alignUp(range.byteLength, request.pageSize)),
      request.protection,
    ),
    "mprotect",
    request.subject,
  );
  mapped.mixed = false;
}

/**
 * What must be mapped from the object again. All of a shared mapping, which holds nothing of its own
 * that is to stay; of a private one, what the guard has put there: the rest holds changes. Private
 * memory without a file is never replaced.
 */
function spansToMap({ range, request }: MappedRange): Span[] {
  if (request.fd === -1) return [];
  if ((request.flags & MAP_SHARED) === 0) return spansOf(range, isForeign);
  if (request.single) return spansOf(range, isPrivate);
  return [{ byteOffset: 0, byteLength: range.byteLength }];
}

/** The pages of a mapping of which something is true. */
function spansOf(
  { pointer, byteLength }: Range,
  isMeant: (page: Deno.PointerObject, byteLength: number) => boolean,
): Span[] {
  const step = pageSize();
  const end = alignUp(byteLength, step);
  const spans: Span[] = [];
  for (let byteOffset = 0; byteOffset < end;) {
    let last = byteOffset;
    while (last < end && isMeant(pointerAt(pointer, last), step)) last += step;
    if (last > byteOffset) spans.push({ byteOffset, byteLength: last - byteOffset });
    byteOffset = last + step;
  }
  return spans;
}
