/** A cache that processes share. */

import { lengthOf, plainBytes } from "../../../ffi/memory.ts";
import { wholeNumber } from "../../check/numbers.ts";
import { callable, checkOptions, type Names, text as textOf } from "../../check/options.ts";
import type { MmapRegion } from "../../region/mmap_region.ts";
import type { KnownCodec } from "../codec.ts";
import { knownCodec } from "../codec.ts";
import type { Place } from "../place.ts";
import { cacheByteLength, LONGEST_KEY, NOTHING_BIT } from "./cache_layout.ts";
import {
  amount,
  type CacheSetOptions,
  type ComputeOptions,
  computeOptions,
  type Computing,
  type GetEntryOptions,
  getEntryOptions,
  type IncrementOptions,
  incrementOptions,
  lifetime,
  NAMESPACE,
  type NamespaceOptions,
  setOptions,
  type SharedCacheOptions,
  type UpdateOptions,
  updateOptions,
  type Writing,
} from "./cache_options.ts";
import { Computations, type Task } from "./compute.ts";
import type { CacheCore } from "./core.ts";
import type { CountTable } from "./counts.ts";
import { keyHashes, keyId } from "./key_id.ts";
import { LocalValues } from "./local_values.ts";
import { clearNamespace, namespaceOf } from "./namespaces.ts";
import { localCount, openCache } from "./open_cache.ts";
import { ABSENT, CacheReader, FRESH, NOTHING, STALE } from "./reader.ts";
import { measure, purgeOver, scan } from "./scan.ts";
import type { Shard } from "./shard.ts";
import { CacheWriter, type Draft } from "./writer.ts";

/** A key: a string is the same key as its UTF-8 bytes. At most 1,024 bytes. */
export type CacheKeyLike = string | Uint8Array;

/** An entry, as `getEntry` gives it. */
export interface CacheEntry<T> {
  /** A copy of the value. */
  readonly value: T;
  /** For `compareAndSet`: it never comes again for this key. */
  readonly version: number;
  /** When it expires, on the scale of `Date.now()`; Infinity: never. */
  readonly expiresAt: number;
  /** Whether it has expired, and is only kept for `staleFor`. */
  readonly stale: boolean;
}

/** What happened in a cache, of all processes, and how full it is. */
export interface CacheStats extends CountTable {
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

/** What all views of one open cache have in common. */
interface Shared {
  readonly core: CacheCore;
  readonly place: Place;
  readonly writer: CacheWriter;
  readonly reader: CacheReader;
  computations: Computations | undefined;
}

const COPY = { copies: true, known: 0 } as const;
const LOOK = { copies: false, known: 0 } as const;

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
  readonly #shared: Shared;
  readonly #core: CacheCore;
  readonly #codec: KnownCodec<T>;
  readonly #ttl: number;
  readonly #name: string;
  readonly #number: number;
  readonly #local: LocalValues<T> | undefined;
  #closed = false;

  /** @ignore */
  private constructor(
    shared: Shared,
    view: { codec: KnownCodec<T>; ttl: number; local: number; name: string; number: number },
  ) {
    this.#shared = shared;
    this.#core = shared.core;
    this.#codec = view.codec;
    this.#ttl = view.ttl;
    this.#name = view.name;
    this.#number = view.number;
    this.#local = view.local === 0 ? undefined : new LocalValues(view.local);
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
    return new SharedCache(shared, { codec, ttl, local, name: "", number: 0 });
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
    return this.#closed || this.#core.memory.closed;
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
    const { reader } = this.#shared;
    const local = this.#local?.get(key);
    let isKnown = false;
    try {
      const shard = this.#begin(key, "look key up");
      const reading = local === undefined ? COPY : { copies: true, known: local.version };
      const state = shard === undefined ? ABSENT : reader.read(shard, reading);
      this.#count(state);
      if (state !== FRESH) return undefined;
      reader.use(shard!);
      isKnown = reader.value === undefined;
    } finally {
      this.#core.memory.check();
    }
    if (isKnown) return local!.value;
    const { version } = reader;
    const value = this.#codec.codec.decode(reader.value!);
    this.#local?.set(key, version, value);
    return value;
  }

  #count(state: number): void {
    const { counts } = this.#core;
    if (state === FRESH || state === NOTHING) counts.hits++;
    else if (state === STALE) counts.stale++;
    else counts.misses++;
  }

  /** Begins an operation. @returns the key's shard; undefined if the key is too long */
  #begin(key: CacheKeyLike, action: string): Shard | undefined {
    if (this.#closed) throw new Deno.errors.BadResource(`Cannot ${action}: the cache is closed`);
    const core = this.#core;
    core.enter(action);
    return core.key.take(key, this.#number, action) ? core.shardOf(core.key.hash) : undefined;
  }

  /** As `#begin`, for what writes. @throws {RangeError} If the key is too long. */
  #beginChange(key: CacheKeyLike, action: string): Shard {
    const shard = this.#begin(key, action);
    if (shard !== undefined) return shard;
    throw new RangeError(`Cannot ${action} as a key must be at most ${LONGEST_KEY} bytes long`);
  }

  /**
   * As {@linkcode get}, with what else there is to know.
   *
   * @throws as {@linkcode get}
   */
  getEntry(key: CacheKeyLike, options: GetEntryOptions = {}): CacheEntry<T> | undefined {
    const { use, stale } = getEntryOptions(options, "look key up");
    const { reader } = this.#shared;
    let state = ABSENT;
    try {
      const shard = this.#begin(key, "look key up");
      if (shard !== undefined) state = reader.read(shard, COPY);
      this.#count(state);
      if (state !== FRESH && (state !== STALE || !stale)) return undefined;
      if (use) reader.use(shard!);
    } finally {
      this.#core.memory.check();
    }
    const { version, expiresAt, value } = reader;
    return {
      value: this.#codec.codec.decode(value!),
      version,
      expiresAt,
      stale: state === STALE,
    };
  }

  /** Whether there is a value for a key. This is no use. @throws as {@linkcode get} */
  has(key: CacheKeyLike): boolean {
    try {
      const shard = this.#begin(key, "look key up");
      return shard !== undefined && this.#shared.reader.read(shard, LOOK) === FRESH;
    } finally {
      this.#core.memory.check();
    }
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
    const action = "set key";
    const writing = setOptions(options, this.#ttl, action);
    const bytes = this.#encode(value, action);
    const shard = this.#beginChange(key, action);
    const draft = this.#draft(bytes, writing, false);
    if (draft === undefined) {
      this.#core.counts.rejected++;
      return false;
    }
    return this.#put(shard, draft, writing, action);
  }

  #encode(value: T, action: string): Uint8Array {
    const bytes = this.#codec.codec.encode(value);
    return bytes instanceof Uint8Array ? bytes : plainBytes(bytes, "an encoded value", action);
  }

  /** What to write; undefined if it is too long. */
  #draft(value: Uint8Array, { ttl, staleFor, evict }: Writing, keepsOld: boolean, bits = 0):
    | Draft
    | undefined {
    const byteLength = lengthOf(value);
    const whole = this.#core.key.key.byteLength + byteLength;
    if (whole > this.#core.layout.maxEntryByteLength) return undefined;
    return { value, byteLength, ttl, staleFor, evict, bits, keepsOld };
  }

  #put(shard: Shard, draft: Draft, { condition }: Writing, action: string): boolean {
    const { writer } = this.#shared;
    shard.lock();
    try {
      const entry = writer.locate(shard);
      if (condition !== undefined) {
        if (writer.isPresent(shard, entry) !== (condition === "present")) return false;
      }
      if (!writer.put(shard, entry, draft)) throw full(action);
    } finally {
      shard.unlock();
    }
    this.#core.counts.sets++;
    return true;
  }

  /**
   * Removes a key.
   *
   * @returns whether it was there
   * @throws as {@linkcode set}
   */
  delete(key: CacheKeyLike): boolean {
    return this.#remove(key, "delete key", () => true) ?? false;
  }

  /**
   * Takes a value out: of several that call it at once, one gets it.
   *
   * @returns undefined if the cache does not have it
   * @throws as {@linkcode delete}, and as {@linkcode get}
   */
  take(key: CacheKeyLike): T | undefined {
    const { writer } = this.#shared;
    const found = this.#remove(key, "take value", (shard, entry) => writer.valueOf(shard, entry));
    return found && this.#codec.codec.decode(found);
  }

  /** @param note gets what is there, before it is removed */
  #remove<R>(
    key: CacheKeyLike,
    action: string,
    note: (shard: Shard, entry: number) => R,
  ): R | undefined {
    const { writer } = this.#shared;
    const shard = this.#begin(key, action);
    if (shard === undefined) return undefined;
    return this.#core.locked(shard, () => {
      const entry = writer.locate(shard);
      if (entry === 0) return undefined;
      const { slot } = writer;
      const noted = writer.isPresent(shard, entry) ? note(shard, entry) : undefined;
      writer.remove(shard, slot, entry);
      return noted;
    });
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
    const action = "touch key";
    const span = lifetime(ttl ?? null, "ttl", action, Infinity);
    const { writer, reader } = this.#shared;
    const shard = this.#begin(key, action);
    if (shard === undefined) return false;
    return this.#core.locked(shard, () => {
      const entry = writer.locate(shard);
      if (entry === 0) return false;
      const state = reader.stateOf(shard, entry);
      if (state !== FRESH && state !== STALE) return false;
      writer.touch(shard, entry, span);
      return true;
    });
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
    const action = "update key";
    callable(change, "change", action);
    const writing = updateOptions(options, this.#ttl, action);
    const shard = this.#beginChange(key, action);
    const core = this.#core;
    return core.locked(shard, () => core.changing(() => this.#change(shard, change, writing)));
  }

  #change(
    shard: Shard,
    change: (value: T | undefined) => T | undefined,
    writing: Writing,
  ): T | undefined {
    const action = "update key";
    const { writer } = this.#shared;
    const { codec } = this.#codec;
    const entry = writer.locate(shard);
    const { slot } = writer;
    const isPresent = writer.isPresent(shard, entry);
    const value = change(isPresent ? codec.decode(writer.valueOf(shard, entry)) : undefined);
    if (value === undefined) {
      if (entry !== 0) writer.remove(shard, slot, entry);
      return undefined;
    }
    const draft = this.#draft(this.#encode(value, action), writing, true) ?? this.#tooLong(action);
    if (!writer.put(shard, entry, draft)) throw full(action);
    this.#core.counts.sets++;
    return value;
  }

  #tooLong(action: string): never {
    this.#core.counts.rejected++;
    const { maxEntryByteLength } = this.#core.layout;
    throw new RangeError(
      `Cannot ${action} as a key and its value must be at most ${maxEntryByteLength} bytes long`,
    );
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
    const action = "increment number";
    const step = amount(by, "by", action, 1);
    const writing = incrementOptions(options, this.#ttl, action);
    const shard = this.#beginChange(key, action);
    const { writer } = this.#shared;
    return this.#core.locked(shard, () => {
      const entry = writer.locate(shard);
      if (!writer.isPresent(shard, entry)) {
        const value = writing.initial + step;
        const draft = this.#draft(bytesOf(value), writing, false) ?? this.#tooLong(action);
        if (!writer.put(shard, entry, draft)) throw full(action);
        this.#core.counts.sets++;
        return value;
      }
      const old = writer.numberOf(shard, entry);
      if (old === undefined) {
        throw new TypeError(`Cannot ${action} as the value is not a number of 8 bytes`);
      }
      writer.replaceNumber(shard, entry, old + step);
      this.#core.counts.sets++;
      return old + step;
    });
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
    const action = "compare and set key";
    amount(version, "version", action, NaN);
    const writing = updateOptions(options, this.#ttl, action);
    const bytes = this.#encode(value, action);
    const shard = this.#beginChange(key, action);
    const draft = this.#draft(bytes, writing, true) ?? this.#tooLong(action);
    const { writer } = this.#shared;
    return this.#core.locked(shard, () => {
      const entry = writer.locate(shard);
      if (!writer.isPresent(shard, entry)) return false;
      if (shard.memory.floats[entry >> 1] !== version) return false;
      if (!writer.put(shard, entry, draft)) throw full(action);
      this.#core.counts.sets++;
      return true;
    });
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
    const computing = computeOptions(options, this.#ttl, action);
    const { signal, staleFor, staleOnError } = computing;
    signal?.throwIfAborted();
    const found = this.#lookFor(key);
    if (found !== undefined && !found.stale) {
      this.#core.counts.hits++;
      return found.value;
    }
    if (found === undefined) this.#core.counts.misses++;
    else this.#core.counts.stale++;
    const computations = this.#shared.computations ??= new Computations(this.#core);
    const task = this.#task(key, compute, computing);
    if (found !== undefined && staleFor > 0) {
      computations.refresh(task);
      return found.value;
    }
    try {
      return await computations.run(task, signal);
    } catch (error) {
      if (!staleOnError || signal?.aborted) throw error;
      const old = this.#lookFor(key);
      if (old === undefined) throw error;
      return old.value;
    }
  }

  #task(
    key: CacheKeyLike,
    compute: (key: CacheKeyLike, signal: AbortSignal) => T | undefined | Promise<T | undefined>,
    computing: Computing,
  ): Task<T> {
    this.#beginChange(key, "compute value");
    // The caller may change its bytes meanwhile.
    const own = typeof key === "string" ? key : key.slice();
    return {
      hashes: keyHashes(this.#core.key),
      id: keyId(this.#core.key),
      patience: computing.patience,
      look: () => {
        const found = this.#lookFor(own);
        return found?.stale ? undefined : found;
      },
      compute: (signal) => compute(own, signal),
      keep: (value) => this.#keep(own, value, computing),
    };
  }

  /** What is there, be it nothing, without counting. */
  #lookFor(
    key: CacheKeyLike,
  ): { readonly value: T | undefined; readonly stale: boolean } | undefined {
    const { reader } = this.#shared;
    let state = ABSENT;
    try {
      const shard = this.#beginChange(key, "compute value");
      state = reader.read(shard, COPY);
      if (state === FRESH) reader.use(shard);
    } finally {
      this.#core.memory.check();
    }
    if (state === ABSENT) return undefined;
    if (state === NOTHING) return { value: undefined, stale: false };
    return { value: this.#codec.codec.decode(reader.value!), stale: state === STALE };
  }

  #keep(key: CacheKeyLike, value: T | undefined, computing: Computing): void {
    const action = "keep value";
    const { undefinedTtl } = computing;
    if (value === undefined && undefinedTtl === undefined) return;
    const bytes = value === undefined ? NO_BYTES : this.#encode(value, action);
    const writing = value === undefined
      ? { ...computing, ttl: undefinedTtl!, staleFor: 0 }
      : computing;
    const shard = this.#beginChange(key, action);
    const draft = this.#draft(bytes, writing, false, value === undefined ? NOTHING_BIT : 0);
    if (draft === undefined) {
      this.#core.counts.rejected++;
      return;
    }
    try {
      this.#put(shard, draft, writing, action);
    } catch (error) {
      // Who asked gets the value all the same.
      if (!(error instanceof Deno.errors.WriteZero)) throw error;
    }
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
    checkOptions(options as NamespaceOptions, NAMESPACE, action);
    const ttl = lifetime(options.ttl, "ttl", action, this.#ttl);
    const local = localCount(options.local, action);
    const codec = options.codec === undefined
      ? this.#codec as unknown as KnownCodec<U>
      : knownCodec(options.codec, action);
    const path = `${this.#name}${textOf(name, "name", action)}\0`;
    this.#enter(action);
    try {
      const number = namespaceOf(this.#core, path, codec.kind);
      return new SharedCache<U>(this.#shared, { codec, ttl, local, name: path, number });
    } finally {
      this.#core.memory.check();
    }
  }

  #enter(action: string): void {
    if (this.#closed) throw new Deno.errors.BadResource(`Cannot ${action}: the cache is closed`);
    this.#core.enter(action);
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
    for (const { key, value } of this.#scan(true)) yield [key, this.#codec.codec.decode(value!)];
  }

  #scan(withValues: boolean): ReturnType<typeof scan> {
    this.#enter("read entries");
    return scan(this.#core, this.#shared.writer, this.#number, withValues);
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
    this.#enter("clear cache");
    clearNamespace(this.#core, this.#number);
    this.#core.memory.check();
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
    this.#enter(action);
    return purgeOver(this.#core, this.#shared.writer, most);
  }

  /**
   * What happened in the cache so far, of all processes and namespaces, and how full it is. Others
   * add what they count when they go back to their event loop, or after 4,096 operations. This looks
   * at all entries, so it takes a while.
   *
   * @throws {Deno.errors.BadResource} If the cache is closed.
   */
  stats(): CacheStats {
    this.#enter("read statistics");
    const core = this.#core;
    const { byteLength, shards } = core.layout;
    const stats = {
      ...core.counts.table(),
      ...measure(core, this.#shared.writer),
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
    this.#enter("close cache");
    this.#closed = true;
    if (this.#number !== 0) return;
    const { core, computations, place } = this.#shared;
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

const NO_BYTES = new Uint8Array();

function bytesOf(value: number): Uint8Array {
  return new Uint8Array(Float64Array.of(value).buffer);
}

function full(action: string): Error {
  return new Deno.errors.WriteZero(`Cannot ${action}: there is no room without forgetting`);
}
