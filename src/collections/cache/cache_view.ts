/** A view of an open cache: the operations on keys of one namespace, with its codec. */

import { lengthOf, plainBytes } from "../../../ffi/memory.ts";
import { callable } from "../../check/options.ts";
import type { KnownCodec } from "../codec.ts";
import type { Place } from "../place.ts";
import { LONGEST_KEY } from "./cache_layout.ts";
import {
  amount,
  type CacheSetOptions,
  type GetEntryOptions,
  getEntryOptions,
  type IncrementOptions,
  incrementOptions,
  lifetime,
  setOptions,
  type UpdateOptions,
  updateOptions,
  type Writing,
} from "./cache_options.ts";
import type { Computations } from "./compute.ts";
import type { CacheCore } from "./core.ts";
import { LocalValues } from "./local_values.ts";
import { ABSENT, type CacheReader, FRESH, STALE } from "./reader.ts";
import type { Shard } from "./shard.ts";
import type { CacheWriter, Draft } from "./writer.ts";

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

/** What all views of one open cache have in common. */
export interface Shared {
  readonly core: CacheCore;
  readonly place: Place;
  readonly writer: CacheWriter;
  readonly reader: CacheReader;
  computations: Computations | undefined;
}

const COPY = { copies: true, known: 0 } as const;
const LOOK = { copies: false, known: 0 } as const;

/** What a view is made of. */
export interface ViewPlan<T> {
  readonly codec: KnownCodec<T>;
  readonly ttl: number;
  readonly local: number;
  /** The namespace: its path, and its number; 0 is the cache itself. */
  readonly name: string;
  readonly number: number;
}

/** The operations on keys; what they do is documented at `SharedCache`. */
export class CacheView<T> {
  readonly shared: Shared;
  readonly core: CacheCore;
  readonly codec: KnownCodec<T>;
  readonly ttl: number;
  readonly name: string;
  readonly number: number;
  readonly #local: LocalValues<T> | undefined;
  /** Whether the view was closed; the cache may be closed anyway. */
  closed = false;

  constructor(shared: Shared, { codec, ttl, local, name, number }: ViewPlan<T>) {
    this.shared = shared;
    this.core = shared.core;
    this.codec = codec;
    this.ttl = ttl;
    this.name = name;
    this.number = number;
    this.#local = local === 0 ? undefined : new LocalValues(local);
  }

  /** Begins an operation without a key. */
  enter(action: string): void {
    if (this.closed) throw new Deno.errors.BadResource(`Cannot ${action}: the cache is closed`);
    this.core.enter(action);
  }

  /** Begins an operation. @returns the key's shard; undefined if the key is too long */
  begin(key: CacheKeyLike, action: string): Shard | undefined {
    const { core } = this;
    this.enter(action);
    return core.key.take(key, this.number, action) ? core.shardOf(core.key.hash) : undefined;
  }

  /** As `#begin`, for what writes. @throws {RangeError} If the key is too long. */
  beginChange(key: CacheKeyLike, action: string): Shard {
    const shard = this.begin(key, action);
    if (shard !== undefined) return shard;
    throw new RangeError(`Cannot ${action} as a key must be at most ${LONGEST_KEY} bytes long`);
  }

  #count(state: number): void {
    const { counts } = this.core;
    if (state === FRESH) counts.hits++;
    else if (state === STALE) counts.stale++;
    else counts.misses++;
  }

  get(key: CacheKeyLike): T | undefined {
    const { reader } = this.shared;
    const local = this.#local?.get(key);
    let isKnown = false;
    try {
      const shard = this.begin(key, "look key up");
      const reading = local === undefined ? COPY : { copies: true, known: local.version };
      const state = shard === undefined ? ABSENT : reader.read(shard, reading);
      this.#count(state);
      if (state !== FRESH) return undefined;
      reader.use(shard!);
      isKnown = reader.value === undefined;
    } finally {
      this.core.memory.check();
    }
    if (isKnown) return local!.value;
    const { version } = reader;
    const value = this.codec.codec.decode(reader.value!);
    this.#local?.set(key, version, value);
    return value;
  }

  getEntry(key: CacheKeyLike, options: GetEntryOptions = {}): CacheEntry<T> | undefined {
    const { use, stale } = getEntryOptions(options, "look key up");
    const { reader } = this.shared;
    let state = ABSENT;
    try {
      const shard = this.begin(key, "look key up");
      if (shard !== undefined) state = reader.read(shard, COPY);
      this.#count(state);
      if (state !== FRESH && (state !== STALE || !stale)) return undefined;
      if (use) reader.use(shard!);
    } finally {
      this.core.memory.check();
    }
    const { version, expiresAt, value } = reader;
    return {
      value: this.codec.codec.decode(value!),
      version,
      expiresAt,
      stale: state === STALE,
    };
  }

  has(key: CacheKeyLike): boolean {
    try {
      const shard = this.begin(key, "look key up");
      return shard !== undefined && this.shared.reader.read(shard, LOOK) === FRESH;
    } finally {
      this.core.memory.check();
    }
  }

  set(key: CacheKeyLike, value: T, options?: CacheSetOptions): boolean {
    const action = "set key";
    const writing = setOptions(options, this.ttl, action);
    const bytes = this.encode(value, action);
    const shard = this.beginChange(key, action);
    const draft = this.draft(bytes, writing, false);
    if (draft === undefined) {
      this.core.counts.rejected++;
      return false;
    }
    return this.put(shard, draft, writing, action);
  }

  encode(value: T, action: string): Uint8Array {
    const bytes = this.codec.codec.encode(value);
    return bytes instanceof Uint8Array ? bytes : plainBytes(bytes, "an encoded value", action);
  }

  /** What to write; undefined if it is too long. */
  draft(value: Uint8Array, { ttl, staleFor, evict }: Writing, keepsOld: boolean, bits = 0):
    | Draft
    | undefined {
    const byteLength = lengthOf(value);
    const whole = this.core.key.key.byteLength + byteLength;
    if (whole > this.core.layout.maxEntryByteLength) return undefined;
    return { value, byteLength, ttl, staleFor, evict, bits, keepsOld };
  }

  put(shard: Shard, draft: Draft, { condition }: Writing, action: string): boolean {
    const { writer } = this.shared;
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
    this.core.counts.sets++;
    return true;
  }

  delete(key: CacheKeyLike): boolean {
    return this.#remove(key, "delete key", () => true) ?? false;
  }

  take(key: CacheKeyLike): T | undefined {
    const { writer } = this.shared;
    const found = this.#remove(key, "take value", (shard, entry) => writer.valueOf(shard, entry));
    return found && this.codec.codec.decode(found);
  }

  /** @param note gets what is there, before it is removed */
  #remove<R>(
    key: CacheKeyLike,
    action: string,
    note: (shard: Shard, entry: number) => R,
  ): R | undefined {
    const { writer } = this.shared;
    const shard = this.begin(key, action);
    if (shard === undefined) return undefined;
    return this.core.locked(shard, () => {
      const entry = writer.locate(shard);
      if (entry === 0) return undefined;
      const { slot } = writer;
      const noted = writer.isPresent(shard, entry) ? note(shard, entry) : undefined;
      writer.remove(shard, slot, entry);
      return noted;
    });
  }

  touch(key: CacheKeyLike, ttl: number): boolean {
    const action = "touch key";
    const span = lifetime(ttl ?? null, "ttl", action, Infinity);
    const { writer, reader } = this.shared;
    const shard = this.begin(key, action);
    if (shard === undefined) return false;
    return this.core.locked(shard, () => {
      const entry = writer.locate(shard);
      if (entry === 0) return false;
      const state = reader.stateOf(shard, entry);
      if (state !== FRESH && state !== STALE) return false;
      writer.touch(shard, entry, span);
      return true;
    });
  }

  update(
    key: CacheKeyLike,
    change: (value: T | undefined) => T | undefined,
    options?: UpdateOptions,
  ): T | undefined {
    const action = "update key";
    callable(change, "change", action);
    const writing = updateOptions(options, this.ttl, action);
    const shard = this.beginChange(key, action);
    const core = this.core;
    return core.locked(shard, () => core.changing(() => this.#change(shard, change, writing)));
  }

  #change(
    shard: Shard,
    change: (value: T | undefined) => T | undefined,
    writing: Writing,
  ): T | undefined {
    const action = "update key";
    const { writer } = this.shared;
    const { codec } = this.codec;
    const entry = writer.locate(shard);
    const { slot } = writer;
    const isPresent = writer.isPresent(shard, entry);
    const value = change(isPresent ? codec.decode(writer.valueOf(shard, entry)) : undefined);
    if (value === undefined) {
      if (entry !== 0) writer.remove(shard, slot, entry);
      return undefined;
    }
    const draft = this.draft(this.encode(value, action), writing, true) ?? this.#tooLong(action);
    if (!writer.put(shard, entry, draft)) throw full(action);
    this.core.counts.sets++;
    return value;
  }

  #tooLong(action: string): never {
    this.core.counts.rejected++;
    const { maxEntryByteLength } = this.core.layout;
    throw new RangeError(
      `Cannot ${action} as a key and its value must be at most ${maxEntryByteLength} bytes long`,
    );
  }

  increment(key: CacheKeyLike, by: number = 1, options: IncrementOptions = {}): number {
    const action = "increment number";
    const step = amount(by, "by", action, 1);
    const writing = incrementOptions(options, this.ttl, action);
    const shard = this.beginChange(key, action);
    const { writer } = this.shared;
    return this.core.locked(shard, () => {
      const entry = writer.locate(shard);
      if (!writer.isPresent(shard, entry)) {
        const value = writing.initial + step;
        const draft = this.draft(bytesOf(value), writing, false) ?? this.#tooLong(action);
        if (!writer.put(shard, entry, draft)) throw full(action);
        this.core.counts.sets++;
        return value;
      }
      const old = writer.numberOf(shard, entry);
      if (old === undefined) {
        throw new TypeError(`Cannot ${action} as the value is not a number of 8 bytes`);
      }
      writer.replaceNumber(shard, entry, old + step);
      this.core.counts.sets++;
      return old + step;
    });
  }

  compareAndSet(key: CacheKeyLike, version: number, value: T, options?: UpdateOptions): boolean {
    const action = "compare and set key";
    amount(version, "version", action, NaN);
    const writing = updateOptions(options, this.ttl, action);
    const bytes = this.encode(value, action);
    const shard = this.beginChange(key, action);
    const draft = this.draft(bytes, writing, true) ?? this.#tooLong(action);
    const { writer } = this.shared;
    return this.core.locked(shard, () => {
      const entry = writer.locate(shard);
      if (!writer.isPresent(shard, entry)) return false;
      if (shard.memory.floats[entry >> 1] !== version) return false;
      if (!writer.put(shard, entry, draft)) throw full(action);
      this.core.counts.sets++;
      return true;
    });
  }
}

function bytesOf(value: number): Uint8Array {
  return new Uint8Array(Float64Array.of(value).buffer);
}

function full(action: string): Error {
  return new Deno.errors.WriteZero(`Cannot ${action}: there is no room without forgetting`);
}
