/** Which pages of a mapping are in memory. */

import { checkZero } from "../../ffi/call.ts";
import { libc } from "../../ffi/libc.ts";
import { pointerAt } from "../../ffi/memory.ts";
import { pageSize } from "../../ffi/page_size.ts";
import type { Mapping } from "./mapping.ts";
import type { Span } from "./pages.ts";

/** Which pages of a range are in memory. */
export interface Residency {
  /** The size of a page, in bytes. */
  readonly pageSize: number;
  /** How many pages the range touches. */
  readonly pages: number;
  /** How many of them are in memory. */
  readonly residentPages: number;
  /** One byte for each page: 1 if it is in memory, else 0. */
  readonly map: Uint8Array<ArrayBuffer>;
}

/** Asks `mincore` about a page-aligned span. @throws its system error */
export function residencyOf(mapping: Mapping, span: Span): Residency {
  const pages = span.byteLength / pageSize();
  const map = new Uint8Array(pages);
  const start = pointerAt(mapping.pointer, span.byteOffset);
  checkZero(libc().mincore(start, BigInt(span.byteLength), map), "mincore");
  let residentPages = 0;
  for (let i = 0; i < pages; i++) {
    map[i]! &= 1; // the other bits are not specified, and macOS uses them
    residentPages += map[i]!;
  }
  return { pageSize: pageSize(), pages, residentPages, map };
}
