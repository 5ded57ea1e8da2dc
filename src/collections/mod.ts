/**
 * Collections in files that processes share and that outlive them: a log of records, a map, an
 * array. And a cache, {@linkcode SharedCache}, which may forget.
 *
 * ```ts
 * import { AppendLog, SharedArray, SharedMap } from "@mmap/mmap/collections";
 * import { f64 } from "@mmap/mmap/struct";
 * import { assertEquals } from "@std/assert";
 *
 * const dir = await Deno.makeTempDir();
 * {
 *   using log = AppendLog.open(`${dir}/events`, { create: true });
 *   log.append(new TextEncoder().encode("began"));
 *   log.commit({ durability: "disk" });
 *
 *   using map = SharedMap.open(`${dir}/cache`, { create: true, capacity: 1000 });
 *   map.set("answer", new Uint8Array([42]));
 *
 *   using numbers = SharedArray.open(`${dir}/numbers`, f64, { create: true });
 *   numbers.push(0.5, 0.25);
 *   assertEquals([log.byteLength, map.size, numbers.length], [16, 1, 2]);
 * }
 * await Deno.remove(dir, { recursive: true });
 * ```
 *
 * The result of an operation that returned survives if the process is killed at any instruction.
 * What was committed to the disk survives a crash of the machine. Readers take no lock and never
 * see half of a record or value. Files of another kind, version or layout are refused with an error
 * that says so.
 *
 * Not promised: files on network file systems, where mapped memory is not shared.
 *
 * **Lost pages.** Once this process has lost a page of a collection (its file was truncated, or its
 * disk was full or failed), every operation on it throws `MappingFaultError`, including iterators.
 * Others do not see a change that was under way; they get the lock as after a death, and repair.
 * Closing throws nothing. In a region, `region.repair()` heals, once the file has its length again.
 * The writer of a log stops being the writer for good: close it, and open the log again.
 *
 * @module
 */

export {
  AppendLog,
  type AppendLogOptions,
  type EntriesOptions,
  type FollowOptions,
  type LogEntry,
  type LogStats,
} from "./append_log.ts";
export type {
  CacheSetOptions,
  ComputeOptions,
  GetEntryOptions,
  IncrementOptions,
  NamespaceOptions,
  SharedCacheOptions,
  UpdateOptions,
} from "./cache/cache_options.ts";
export type { CacheEntry, CacheKeyLike } from "./cache/cache_view.ts";
export { type CacheByteLengthOptions, type CacheStats, SharedCache } from "./cache/shared_cache.ts";
export type { CacheCounts } from "./cache/counts.ts";
export { bytes, type Codec, type CodecLike, json, number, text } from "./codec.ts";
export type { CommitOptions } from "./options.ts";
export { type ArrayStats, SharedArray, type SharedArrayOptions } from "./shared_array.ts";
export {
  type MapStats,
  SharedMap,
  type SharedMapOptions,
  type TypedMapOptions,
  type TypedMaps,
} from "./shared_map.ts";
