/** Zeroing a range, and giving back its memory or the blocks of its file. */

import { system } from "../os/mod.ts";
import type { Mapping } from "./mapping.ts";
import { alignDown, alignUp, type Span } from "./pages.ts";

/**
 * Zeroes exactly the bytes of a span. Whole pages, or whole blocks of a file, are given back where
 * the mapping allows it; a private mapping of a file only zeroes, since dropping its pages would
 * bring the file's content back.
 */
export function discardSpan(mapping: Mapping, span: Span): void {
  const { request } = mapping;
  if (request.sharing === "shared") {
    if (system().memory.punch?.(request, span) !== true) zeroSpan(mapping, span);
  } else if (request.object === undefined) {
    dropPages(mapping, span);
  } else {
    zeroSpan(mapping, span);
  }
}

function dropPages(mapping: Mapping, { byteOffset, byteLength }: Span): void {
  const { memory } = system();
  const step = memory.pageSize();
  const end = byteOffset + byteLength;
  const first = alignUp(byteOffset, step);
  // The bytes between the region's end and the end of its page belong to nobody.
  const last = end === mapping.byteLength ? alignUp(end, step) : alignDown(end, step);
  if (first >= last || memory.drop === undefined) {
    return zeroSpan(mapping, { byteOffset, byteLength });
  }
  zeroSpan(mapping, { byteOffset, byteLength: first - byteOffset });
  zeroSpan(mapping, { byteOffset: last, byteLength: end - last });
  const whole = { byteOffset: first, byteLength: last - first };
  if (memory.drop(mapping.part(whole), mapping.faults > 0)) return;
  zeroSpan(mapping, { byteOffset: first, byteLength: Math.min(last, end) - first });
}

function zeroSpan(mapping: Mapping, span: Span): void {
  if (span.byteLength > 0) system().memory.zero(mapping.part(span));
}
