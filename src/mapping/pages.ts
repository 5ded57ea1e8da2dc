/** Page arithmetic: pure functions. */

import { alignDown, alignUp, HUGE_PAGE, type Span } from "../os/arithmetic.ts";

export { alignDown, alignUp, HUGE_PAGE, type Span };

/** A span widened to whole pages; `span` counts from a page boundary. */
export function widen(span: Span, pageSize: number): Span {
  const byteOffset = alignDown(span.byteOffset, pageSize);
  const end = alignUp(span.byteOffset + span.byteLength, pageSize);
  return { byteOffset, byteLength: end - byteOffset };
}
