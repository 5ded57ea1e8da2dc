/**
 * The state of a mapping's pages: which are in memory, which can be read, and how much memory they
 * take.
 */

import { addressOf, withAddressOf } from "../../ffi/memory.ts";
import { system } from "../os/mod.ts";
import type { RegionStats } from "../os/system.ts";
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

/** One byte for each page of a page-aligned span: 1 if it can be read from its object. */
export function probeSpan(mapping: Mapping, span: Span): Uint8Array<ArrayBuffer> {
  const step = system().memory.pageSize();
  const pages = span.byteLength / step;
  const map = new Uint8Array(pages);
  // A zero page of the guard can be read, but it is not the file's.
  const inObject = Math.min(pages, Math.ceil((objectEnd(mapping) - span.byteOffset) / step));
  const start = addressOf(mapping.pointer) + BigInt(span.byteOffset);
  for (let page = 0; page < inObject; page++) {
    const missing = firstMissing(start, page, inObject, step);
    map.fill(1, page, missing);
    page = missing;
  }
  return map;
}

/** The end of the object, counted from the mapping's beginning. */
function objectEnd({ request }: Mapping): number {
  if (request.object === undefined) return Infinity;
  const { type, byteLength } = system().objects.status(request.object);
  return type === "file" ? byteLength - request.fileOffset : Infinity;
}

/**
 * The first page in [page, pages) that cannot be read; `pages` if all can.
 *
 * @param start the address of page 0
 */
function firstMissing(start: bigint, page: number, pages: number, step: number): number {
  const { memory } = system();
  return withAddressOf(new Uint8Array(1), (byte) => {
    while (page < pages && memory.copy("out", byte, start + BigInt(page * step), 1) === 1) page++;
    return page;
  });
}

/** @throws {Deno.errors.NotSupported} If the system does not report it, such as without /proc. */
export function statsOf({ range }: Mapping): RegionStats {
  const { memory, name } = system();
  if (memory.usage !== undefined) return memory.usage(range);
  throw new Deno.errors.NotSupported(`Cannot read statistics: ${name} does not report them`);
}
