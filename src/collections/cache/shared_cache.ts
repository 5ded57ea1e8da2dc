/** A cache that processes share. */

import { wholeNumber } from "../../check/numbers.ts";
import { callable, checkOptions, type Names, text as textOf } from "../../check/options.ts";
import type { MmapRegion } from "../../region/mmap_region.ts";
import { type KnownCodec, knownCodec } from "../codec.ts";
import { cacheByteLength } from "./cache_geometry.ts";
import {
  type CacheSetOptions,
  type ComputeOptions,
  computeOptions,
  type GetEntryOptions,
  type IncrementOptions,
  lifetime,
  NAMESPACE,
  type NamespaceOptions,
  type SharedCacheOptions,
  type UpdateOptions,
} from "./cache_options.ts";
import { type CacheEntry, type CacheKeyLike, CacheView } from "./cache_view.ts";
import type { CacheCounts } from "./counts.ts";
import { clearNamespace, namespaceOf } from "./namespaces.ts";
import { localCount, openCache } from "./open_cache.ts";
import { CacheReader } from "./reader.ts";
import { measure, purgeOver, scan } from "./scan.ts";
import { CacheWriter } from "./writer.ts";

/** What happened in a cache, of all processes, and how full it is. */
export interface CacheStats extends CacheCounts {
  /** How many entries are there. */
  readonly entries: number;
  /** The length of the whole, in bytes. */
  readonly byteLength: number;
  /** How many bytes the entries take, with their headers. */
  readonly liveByteLength: number;
  /** How many parts it has. */
  readonly shards: number;
}

/** Options of `SharedCache.byteLength`. */
export interface CacheByteLengthOptions {
  /** How many entries. */
  entries: number;
  /** Their average length, key and value together, in bytes. @default {256} */
  averageEntryByteLength?: number;
}

const BYTE_LENGTH: Names<CacheByteLengthOptions> = { entries: true, averageEntryByteLength: true };

/**
 * A cache that processes share, in a file or a region: bounded in bytes, and free to forget.
 *
 * Keys are strings or bytes, values whatever a {@linkcode Codec} makes bytes of: bytes by default,
 * text, JSON, numbers, structs. Entries can expire. When there is no room, it forgets what was not
 * used since it came, and then what was used least (S3-FIFO); a scan of keys that are used once
 * pushes out nothing that was used. It forgets only to make room: while at most half of its
 * `byteLength` is taken, every entry stays until its time is over. That holds for each shard, over
 * which keys are spread by chance; with entries longer than a hundredth of a shard, set `shards: 1`
 * to be sure.
 *
 * Look-ups take no lock and always get a whole value. Writers of different shards do not wait for
 * each other. A process may be killed at any instruction: the entry that it was setting may be lost,
 * all others stay, nothing has to be repaired, and nobody waits for it.
 *
 * A process that can write to the memory can damage the cache. Then it throws
 * `Deno.errors.InvalidData` or has lost entries, but it never touches other memory.
 *
 * Time is the wall clock's, `Date.now()`. Once a page of its memory was lost, every operation throws
 * `MappingFaultError`: see the module's page.
 *
 * @typeParam T what the values are
 *
 * @example Once for all processes
 * ```ts
 * import { json, SharedCache } from "@mmap/mmap/collections";
 * import { MmapRegion } from "@mmap/mmap";
 * import { assertEquals } from "@std/assert";
 *
 * using region = MmapRegion.anonymous(1 << 20); // or a path, with `create` and `byteLength`
 * using cache = SharedCache.open<{ name: string }>(region, { codec: json, ttl: 60_000 });
 *
 * const user = await cache.getOrCompute("user 7", async () => {
 *   return await Promise.resolve({ name: "Ada" }); // ask the database: in one process at a time
 * });
 * assertEquals(user, { name: "Ada" });
 * assertEquals(cache.get("user 7"), { name: "Ada" }); // in any process
 *
 * const hits = cache.namespace<number>("hits", { ttl: 1000 });
 * assertEquals(hits.increment("10.0.0.1"), 1);
 * ```
 */
export class SharedCache<T = Uint8Array> implements Disposable {
  readonly #view: CacheView<T>;

  /** @ignore */
  private constructor(view: CacheView<T>) {
    this.#view = view;
  }

  /**
   * Opens a cache, or makes it.
   *
   * @param target a path, a file URL, or a region, which the caller has to close
   * @throws {Deno.errors.NotFound} ENOENT: the file does not exist, and `create` is not given.
   * @throws {Deno.errors.AlreadyExists} If another collection is there, or a cache of another
   * `byteLength`, number of shards, longest entry or codec than the options say.
   * @throws {Deno.errors.InvalidData} If something else is there, a cache of another version, or a
   * damaged one.
   * @throws {RangeError} If a number is out of range, a new file has no `byteLength`, or the region
   * is too short.
   * @throws {Error} ENOSPC: there is no room for it, or for the holes of a sparse file or object.
   * @throws {Deno.errors.NotSupported} If a file is sparse, and its file system cannot reserve
   * blocks.
   * @throws {TypeError} If an option is of another type, or the region is open to read only.
   * @throws as `MmapRegion.open` does
   */
  static open<T = Uint8Array>(
    target: string | URL | MmapRegion,
    options: SharedCacheOptions<T> = {},
  ): SharedCache<T> {
    const { core, place, codec, ttl, local } = openCache(target, options);
    const writer = new CacheWriter(core);
    const reader = new CacheReader(core, writer);
    const shared = { core, place, writer, reader, computations: undefined };
    return new SharedCache(new CacheView(shared, { codec, ttl, local, name: "", number: 0 }));
  }

  /**
   * How many bytes a cache needs to keep so many entries.
   *
   * @throws {RangeError} If a number is out of range.
   * @throws {TypeError} If an option is of another type.
   */
  static byteLength(options: CacheByteLengthOptions): number {
    checkOptions(options, BYTE_LENGTH, "size cache");
    return cacheByteLength(options.entries, options.averageEntryByteLength);
  }

  /** Whether it was closed. */
  get closed(): boolean {
    return this.#view.closed || this.#view.core.memory.closed;
  }

  /**
   * The value of a key, which counts as a use.
   *
   * @returns undefined if the cache does not have it, or its time is over
   * @throws {TypeError} If the key is neither a string nor a Uint8Array.
   * @throws {Deno.errors.InvalidData} If the value is not as the codec writes them.
   * @throws {Deno.errors.Busy} If `update` of this cache calls it.
   * @throws {Deno.errors.BadResource} If the cache is closed.
   */
  get(key: CacheKeyLike): T | undefined {
    return this.#view.get(key);
  }

  /**
   * As {@linkcode get}, with what else there is to know.
   *
   * @throws as {@linkcode get}
   */
  getEntry(key: CacheKeyLike, options: GetEntryOptions = {}): CacheEntry<T> | undefined {
    return this.#view.getEntry(key, options);
  }

  /** Whether there is a value for a key. This is no use. @throws as {@linkcode get} */
  has(key: CacheKeyLike): boolean {
    return this.#view.has(key);
  }

  /**
   * Sets the value of a key, and begins its lifetime. When this returns true, all processes see it.
   * This is no use.
   *
   * @returns false if it is longer than `maxEntryByteLength`, or `if` said no: then nothing has
   * changed
   * @throws {RangeError} If the key is too long, or a time is out of range.
   * @throws {TypeError} If the key, the value or an option is of another type.
   * @throws {Deno.errors.WriteZero} If there is no room, and `evict` is false.
   * @throws {Deno.errors.Busy} If `update` of this cache calls it.
   * @throws {Deno.errors.InvalidData} If the cache is damaged.
   * @throws {Deno.errors.BadResource} If the cache is closed.
   */
  set(key: CacheKeyLike, value: T, options?: CacheSetOptions): boolean {
    return this.#view.set(key, value, options);
  }

  /**
   * Removes a key.
   *
   * @returns whether it was there
   * @throws as {@linkcode set}
   */
  delete(key: CacheKeyLike): boolean {
    return this.#view.delete(key);
  }

  /**
   * Takes a value out: of several that call it at once, one gets it.
   *
   * @returns undefined if the cache does not have it
   * @throws as {@linkcode delete}, and as {@linkcode get}
   */
  take(key: CacheKeyLike): T | undefined {
    return this.#view.take(key);
  }

  /**
   * Changes when an entry expires, also a stale one, and nothing else.
   *
   * @param ttl in milliseconds from now on
   * @returns whether the entry was there
   * @throws {RangeError} If `ttl` is not above 0.
   * @throws as {@linkcode delete}
   */
  touch(key: CacheKeyLike, ttl: number): boolean {
    return this.#view.touch(key, ttl);
  }

  /**
   * Changes a value in one step: no other process changes it meanwhile. The lifetime begins anew.
   *
   * @param change gets the value, undefined if there is none, and returns the new one; undefined
   * removes it. It has to be quick, as others wait, and must not use this cache.
   * @returns the new value
   * @throws {Deno.errors.Busy} If `update` of this cache calls it.
   * @throws {RangeError} If the key or the value is too long.
   * @throws {Deno.errors.WriteZero} If there is no room, and `evict` is false.
   * @throws what `change` throws, and as {@linkcode set}; the value has not changed then
   */
  update(
    key: CacheKeyLike,
    change: (value: T | undefined) => T | undefined,
    options?: UpdateOptions,
  ): T | undefined {
    return this.#view.update(key, change, options);
  }

  /**
   * Adds to a number, in one step. A missing one is made first; an existing one keeps its lifetime.
   *
   * @returns the new number
   * @throws {TypeError} If the value is no number, as the codec `number` writes them.
   * @throws {RangeError} If the key is too long.
   * @throws {Deno.errors.WriteZero} If it is a new key, there is no room, and `evict` is false.
   * @throws as {@linkcode set}
   */
  increment(key: CacheKeyLike, by: number = 1, options: IncrementOptions = {}): number {
    return this.#view.increment(key, by, options);
  }

  /**
   * Sets a value if nobody has changed it since.
   *
   * @param version what `getEntry` gave
   * @returns whether it was set; false too if the key is not there any more
   * @throws {RangeError} If the key or the value is too long.
   * @throws as {@linkcode set}
   */
  compareAndSet(key: CacheKeyLike, version: number, value: T, options?: UpdateOptions): boolean {
    return this.#view.compareAndSet(key, version, value, options);
  }

  /**
   * The value of a key. If it is not there, one caller of all processes computes it, and the others
   * wait. If that process dies, another caller computes within 100 ms. No lock is held meanwhile.
   *
   * An expired value that is kept for `staleFor` is given at once if this call has `staleFor`, too,
   * and `compute` runs in the background.
   *
   * @param compute gets the key, and a signal that is aborted if nobody waits any more. undefined is
   * not kept, unless there is an `undefinedTtl`.
   * @returns the value; it may be one that the cache had no room for
   * @throws what `compute` throws: then the next caller that waits computes
   * @throws the signal's reason, if it is aborted
   * @throws as {@linkcode set}, except for WriteZero
   */
  async getOrCompute(
    key: CacheKeyLike,
    compute: (key: CacheKeyLike, signal: AbortSignal) => T | undefined | Promise<T | undefined>,
    options: ComputeOptions = {},
  ): Promise<T | undefined> {
    const action = "compute value";
    callable(compute, "compute", action);
    const computing = computeOptions(options, this.#view.ttl, action);
    // The caller may change its bytes meanwhile.
    const own = key instanceof Uint8Array ? key.slice() : key;
    // Loaded when it is needed, so that all else starts sooner.
    const { computeOnce } = await import("./compute_once.ts");
    return await computeOnce(this.#view, own, compute, computing);
  }

  /**
   * Another view of the cache, with keys of its own. It is the same namespace in every process, and
   * closes with the cache. A cache can have 127 of them.
   *
   * @param options a codec only if it is another one than the cache's
   * @throws {Deno.errors.AlreadyExists} If the namespace is there with another codec.
   * @throws {Deno.errors.WriteZero} If there are too many.
   * @throws {TypeError} If the name is no string, or an option of another type.
   * @throws {RangeError} If an option is out of range.
   */
  namespace<U = T>(name: string, options: NamespaceOptions<U> = {}): SharedCache<U> {
    const action = "open namespace";
    const view = this.#view;
    checkOptions(options as NamespaceOptions, NAMESPACE, action);
    const ttl = lifetime(options.ttl, "ttl", action, view.ttl);
    const local = localCount(options.local, action);
    const codec = options.codec === undefined
      ? view.codec as unknown as KnownCodec<U>
      : knownCodec(options.codec, action);
    const path = `${view.name}${textOf(name, "name", action)}\0`;
    view.enter(action);
    try {
      const number = namespaceOf(view.core, path, codec.kind);
      return new SharedCache(
        new CacheView(view.shared, { codec, ttl, local, name: path, number }),
      );
    } finally {
      view.core.memory.check();
    }
  }

  /**
   * The keys, as strings, or as bytes if they were set as bytes, in no order. A key that is there all
   * the time comes once; one that others set or delete meanwhile may come or not.
   *
   * @throws {Deno.errors.InvalidData} If the cache is damaged.
   * @throws {Deno.errors.BadResource} If the cache is closed.
   */
  *keys(): IterableIterator<string | Uint8Array<ArrayBuffer>> {
    for (const { key } of this.#scan(false)) yield key;
  }

  /** The keys and their values, as {@linkcode keys}. This is no use. */
  *entries(): IterableIterator<[key: string | Uint8Array<ArrayBuffer>, value: T]> {
    for (const { key, value } of this.#scan(true)) {
      yield [key, this.#view.codec.codec.decode(value!)];
    }
  }

  #scan(withValues: boolean): ReturnType<typeof scan> {
    this.#view.enter("read entries");
    return scan(this.#view.core, this.#view.shared.writer, this.#view.number, withValues);
  }

  /** As {@linkcode entries}. */
  [Symbol.iterator](): IterableIterator<[key: string | Uint8Array<ArrayBuffer>, value: T]> {
    return this.entries();
  }

  /**
   * Forgets all entries of the namespace, at once however many there are; of the cache itself, those
   * of all namespaces.
   *
   * @throws {Deno.errors.BadResource} If the cache is closed.
   */
  clear(): void {
    this.#view.enter("clear cache");
    clearNamespace(this.#view.core, this.#view.number);
    this.#view.core.memory.check();
  }

  /**
   * Frees the memory of entries whose time is over, of all namespaces. It is never needed to make
   * room: they are the first to go.
   *
   * @param max at most so many
   * @returns how many
   * @throws {RangeError} If `max` is out of range.
   * @throws {Deno.errors.BadResource} If the cache is closed.
   */
  purge(max: number = Infinity): number {
    const action = "purge cache";
    const most = max === Infinity ? max : wholeNumber(max, "max", action);
    this.#view.enter(action);
    return purgeOver(this.#view.core, this.#view.shared.writer, most);
  }

  /**
   * What happened in the cache so far, of all processes and namespaces, and how full it is. Others
   * add what they count when they go back to their event loop, or after 4,096 operations. This looks
   * at all entries, so it takes a while.
   *
   * @throws {Deno.errors.BadResource} If the cache is closed.
   */
  stats(): CacheStats {
    this.#view.enter("read statistics");
    const core = this.#view.core;
    const { byteLength, shards } = core.layout;
    const stats = {
      ...core.counts.table(),
      ...measure(core, this.#view.shared.writer),
      byteLength,
      shards,
    };
    core.memory.check();
    return stats;
  }

  /**
   * Closes this view; the cache itself closes all of its namespaces, and the file that it opened. A
   * region that was given stays open. What `getOrCompute` waits for ends with
   * `Deno.errors.BadResource`.
   *
   * @throws {Deno.errors.Busy} If `update` of this cache calls it.
   */
  close(): void {
    if (this.closed) return;
    this.#view.enter("close cache");
    this.#view.closed = true;
    if (this.#view.number !== 0) return;
    const { core, computations, place } = this.#view.shared;
    computations?.close();
    core.counts.add();
    core.memory.close();
    if (place.owned) place.region.close();
  }

  /** As {@linkcode close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}
