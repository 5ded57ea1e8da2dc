/** Views of a region for this module's own use, which users never get. */

import { type TypedArrayConstructor, viewOf } from "../mapping/views.ts";
import { backingOf } from "./mmap_region.ts";
import type { MmapRegion } from "./mmap_region.ts";

const ACTION = "view region";

/**
 * As `region.view`, without the cost of a buffer that tells when Deno no longer uses it.
 *
 * @throws {Deno.errors.BadResource} If the region is closed.
 */
export function ownView<T>(
  region: MmapRegion,
  type: TypedArrayConstructor<T>,
  length?: number,
): T {
  const request = { elementSize: type.BYTES_PER_ELEMENT, byteOffset: 0, length };
  return viewOf(type, request, backingOf(region).ownWindow(ACTION));
}

/** As `region.dataView()`. @throws {Deno.errors.BadResource} If the region is closed. */
export function ownDataView(region: MmapRegion): DataView<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = backingOf(region).ownWindow(ACTION);
  return new DataView(buffer as ArrayBuffer, byteOffset, byteLength);
}
