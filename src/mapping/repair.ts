/** Mapping the true object again where the guard had put private pages. */

import { checkZero } from "../../ffi/call.ts";
import { MAP_SHARED } from "../../ffi/constants.ts";
import { libc } from "../../ffi/libc.ts";
import { addressOf, pointerAt } from "../../ffi/memory.ts";
import { readProc } from "../../ffi/proc.ts";
import type { MappedRange } from "./guard.ts";
import { alignUp, max, min, type Span } from "./pages.ts";
import { mapOver } from "./range.ts";

/** Heals a mapping; its views stay. Every page gets the mapping's own protection again. */
export function repairMapping(mapped: MappedRange): void {
  const { guard } = mapped;
  if (guard === undefined) return mapAgain(mapped);
  guard.alone(() => {
    const { faults } = guard;
    mapAgain(mapped);
    // What was absorbed since may lie in pages that had been healed already.
    guard.healed(faults);
  });
}

function mapAgain(mapped: MappedRange): void {
  const { range, request } = mapped;
  for (const { byteOffset, byteLength } of replacedSpans(mapped)) {
    mapOver({ pointer: pointerAt(range.pointer, byteOffset), byteLength }, request, byteOffset);
  }
  protectAll(mapped);
}

/** Heals a mapping if it is cut off; in any case every page gets its own protection again. */
export function restoreMapping(mapped: MappedRange): void {
  if (mapped.guard?.cutOff) repairMapping(mapped);
  else protectAll(mapped);
}

function protectAll({ range, request }: MappedRange): void {
  checkZero(
    libc().mprotect(
      range.pointer,
      BigInt(alignUp(range.byteLength, request.pageSize)),
      request.protection,
    ),
    "mprotect",
    request.subject,
  );
}

/**
 * The parts of a mapping that are not what its request asked for: zero pages have no file, copies
 * of a shared mapping's pages are private. Of private memory nothing is ever replaced.
 */
function replacedSpans({ range: { pointer, byteLength }, request }: MappedRange): Span[] {
  if (request.fd === -1) return [];
  const start = addressOf(pointer);
  const end = start + BigInt(alignUp(byteLength, request.pageSize));
  const sharing = (request.flags & MAP_SHARED) === 0 ? "p" : "s";
  const spans: Span[] = [];
  for (const [, from, to, kind, inode] of readProc("/proc/self/maps").matchAll(MAPS_LINE)) {
    const first = max(start, BigInt(`0x${from}`));
    const last = min(end, BigInt(`0x${to}`));
    if (first >= last || (kind === sharing && inode !== "0")) continue;
    spans.push({ byteOffset: Number(first - start), byteLength: Number(last - first) });
  }
  return spans;
}

/** "7f0000000000-7f0000001000 rw-p 00000000 08:01 1234   /path" */
const MAPS_LINE = /^([0-9a-f]+)-([0-9a-f]+) ...([sp]) [0-9a-f]+ [0-9a-f]+:[0-9a-f]+ (\d+)/gm;
