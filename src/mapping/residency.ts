/** Which pages of a mapping are in memory. */

import { system } from "../os/mod.ts";
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

/** Asks the system about a page-aligned span. @throws its error */
export function residencyOf(mapping: Mapping, span: Span): Residency {
  const { memory } = system();
  const map = memory.residency(mapping.part(span));
  const residentPages = map.reduce((sum, resident) => sum + resident, 0);
  return { pageSize: memory.pageSize(), pages: map.length, residentPages, map };
}
