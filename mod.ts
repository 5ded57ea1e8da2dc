/**
 * Memory-mapped files and shared memory for Deno.
 *
 * {@linkcode MmapRegion} maps files and anonymous memory with `mmap(2)` through Deno FFI: views are
 * plain typed arrays on the mapped bytes, processes share them, and closing a region takes them
 * away from every view, so that no program can touch memory that is gone.
 *
 * ```ts
 * import { MmapRegion } from "@mmap/mmap";
 * import { assertEquals } from "@std/assert";
 *
 * using region = MmapRegion.anonymous(4096); // other processes can be given it: region.env()
 * const counters = region.view(Int32Array);
 * Atomics.add(counters, 0, 1);
 * assertEquals(counters[0], 1);
 * ```
 *
 * Requires `--allow-ffi`.
 *
 * @module
 */

export { MmapRegion } from "./src/region/mmap_region.ts";
export type { LineIterator, LinesOptions } from "./src/region/lines.ts";
export type { ReadableOptions } from "./src/region/bytes.ts";
export type { Needle } from "./src/mapping/search/needle.ts";
export type { FlushOptions } from "./src/region/memory.ts";
export type {
  AnonymousOptions,
  MapOptions,
  MemoryOptions,
  NamedOptions,
  OpenRegionOptions,
  StrayWriteOptions,
} from "./src/region/options.ts";
export type { Advice } from "./src/os/system.ts";
export { MappingFaultError } from "./src/mapping/fault_error.ts";
export type { ByteRange } from "./src/check/range.ts";
export type { Protection } from "./src/os/system.ts";
export type { Residency } from "./src/mapping/page_state.ts";
export type { RegionStats } from "./src/os/system.ts";
export type { TypedArrayConstructor } from "./src/mapping/views.ts";
export { receiveRegion, sendRegion } from "./src/region/send_receive.ts";
export type { PassOptions } from "./src/region/pass.ts";
export type { SharedMemoryInfo } from "./src/os/system.ts";
export { type Access, formatHandle, type RegionHandle } from "./src/object/handle.ts";
export { isSystemError, type SystemError } from "./ffi/call.ts";
