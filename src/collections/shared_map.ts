/** A map in shared memory or a file. */

import { lengthOf, plainBytes } from "../../ffi/memory.ts";
import { callable, checkMade, checkOptions, choice, flag, type Names } from "../check/options.ts";
import { wholeNumber } from "../check/numbers.ts";
import type { MmapRegion } from "../region/mmap_region.ts";
import {
  type FieldType,
  type InitOf,
  layoutOf as typeLayoutOf,
  type ValueOf,
} from "../struct/field_type.ts";
import type { Fresh } from "./collection_file.ts";
import { Scratch } from "./copy_out.ts";
import { MapChanges } from "./map_changes.ts";
import { MapKey } from "./map_key.ts";
import {
  checkWishes,
  GENERATION,
  headerOf,
  LARGEST_CAPACITY,
  layOutNew,
  layoutOf,
  readWishes,
  SEED,
  SIZE,
  TOMBSTONES,
  type Wishes,
} from "./map_layout.ts";
import { MapMemory } from "./map_memory.ts";
import { collect, isThere, lookUp, lookUpInto, type MapEntry } from "./map_reader.ts";
import { checkValues, finite, type MapValues, PLAIN, TypedValues } from "./map_values.ts";
import { type CommitOptions, durabilityOf, openingOf } from "./options.ts";
import { openPlace, type Place, tooShort } from "./place.ts";

/** Options of `SharedMap.open`. Sizes need not be given for an existing map. */
export interface SharedMapOptions {
  /**
   * The largest number of keys: 1 to 2^26; by default 1024, or in a region as many as fit. After
   * `resize`, it is the new one.
   */
  capacity?: number;
  /** The longest key, in bytes of UTF-8; by default 64. */
  maxKeyByteLength?: number;
  /** The longest value, in bytes; by default 256. */
  valueByteLength?: number;
  /**
   * Create the map if the file does not exist or is empty. In an all-zero region it is always
   * created.
   * @default {false}
   */
  create?: boolean;
  /**
   * "read": only look up, even in a file that this process may not write to.
   * @default {"read-write"}
   */
  access?: "read" | "read-write";
  /**
   * Whether copies of up to 1 KiB share buffers, as Node's `Buffer`s do: making one takes 30 ns
   * instead of 300. `value.buffer` is then larger than the value (use `byteOffset`), cannot be
   * transferred to a Worker, and stays in memory as long as any copy in it: 64 KiB.
   *
   * **`postMessage` and `structuredClone` of such a value give away all of its buffer**, with copies
   * from this and from other maps, logs and channels in it. Pass on `value.slice()`.
   * @default {false}
   */
  pooled?: boolean;
}

const OPEN: Names<SharedMapOptions> = {
  capacity: true,
  maxKeyByteLength: true,
  valueByteLength: true,
  create: true,
  access: true,
  pooled: true,
};

const OPENING = "open map";
const MEASURING = "measure map";

/** Options of `SharedMap.of(type).open`: the type says how long a value is. */
export type TypedMapOptions = Omit<SharedMapOptions, "valueByteLength">;

const { valueByteLength: _byType, ...OPEN_TYPED } = OPEN;

/** Maps whose values are of one type: see {@linkcode SharedMap.of}. */
export interface TypedMaps<T, Init = T> {
  /** As {@linkcode SharedMap.open}. */
  open(target: string | URL | MmapRegion, options?: TypedMapOptions): SharedMap<T, Init>;
  /** As {@linkcode SharedMap.byteLength}. */
  byteLength(options?: TypedMapOptions): number;
}

type Bytes = Uint8Array<ArrayBuffer>;

/** The result of `SharedMap.stats`. */
export interface MapStats {
  /** How many keys there are. */
  readonly size: number;
  /** How many there may be. */
  readonly capacity: number;
  /** The length of the file or region, in bytes. */
  readonly byteLength: number;
  /** Places of the index that deleted keys have left and look-ups still pass. */
  readonly tombstones: number;
  /** How often the index was made anew, to be rid of them. */
  readonly generation: number;
}

/**
 * A map that processes share, in a file or a region: keys are strings or bytes, values bytes, or, with
 * {@linkcode SharedMap.of}, numbers or structs.
 *
 * Look-ups take no lock and always get a whole value. Changes take one lock for the whole map. If a
 * process is killed in the middle of a change, the next one that gets the lock repairs the map. The
 * effect of every change that returned is kept. A crash of the machine may lose anything that was not
 * committed, and leave a damaged map.
 *
 * Each call is one step for all processes; a `get` and a `set` after it are two, between which others
 * may change the value. `update`, `increment`, `getOrInsert`, `setIf` and `take` look and change in
 * one step.
 *
 * A string is the same key as its UTF-8 bytes. The values that it returns are copies. With `pooled`,
 * small ones share buffers.
 *
 * A process that can write to the file can damage the map. Then the map throws
 * `Deno.errors.InvalidData` or returns what was written there, but it never touches other memory.
 *
 * Once a page of its memory was lost, every operation throws `MappingFaultError`: see the module's page.
 *
 * @typeParam T what a value is
 * @typeParam Init what a value is set to; of a struct, fields may be left out, and are zeros then
 *
 * @example
 * ```ts
 * import { SharedMap } from "@mmap/mmap/collections";
 * import { MmapRegion } from "@mmap/mmap";
 * import { assertEquals } from "@std/assert";
 *
 * using region = MmapRegion.anonymous(1 << 20); // or the path of a file, with `create: true`
 * using map = SharedMap.open(region, { capacity: 1000, valueByteLength: 32 });
 * map.set("answer", new Uint8Array([42]));
 *
 * using other = SharedMap.open(region); // in any process that attaches to the region
 * assertEquals(other.get("answer"), new Uint8Array([42]));
 * assertEquals([...other.keys()], ["answer"]);
 * assertEquals([map.increment("visits"), other.increment("visits")], [1, 2]);
 * ```
 */
export class SharedMap<T = Uint8Array<ArrayBuffer>, Init = T extends Uint8Array ? Uint8Array : T>
  implements Disposable {
  readonly #place: Place;
  readonly #memory: MapMemory;
  readonly #changes: MapChanges;
  readonly #values: MapValues<T>;
  readonly #key: MapKey;
  readonly #scratch = new Scratch();

  /** @ignore */
  private constructor(place: Place, memory: MapMemory, values: MapValues<T>) {
    checkMade(place, "header", "SharedMap.open");
    this.#place = place;
    this.#memory = memory;
    this.#values = values;
    this.#key = new MapKey(memory.layout.maxKeyByteLength, memory.words[SEED]!);
    this.#changes = new MapChanges(place, memory, this.#key, this.#scratch);
  }

  /**
   * Opens a map, or creates it.
   *
   * @param target a path, a file URL, or a region, which the caller has to close
   * @throws {Deno.errors.NotFound} ENOENT: the file does not exist, and `create` is not given.
   * @throws {Deno.errors.InvalidData} If something else is there, a map of another version, of
   * another geometry than the options say, or of other values, or a damaged one.
   * @throws {RangeError} If a number is out of range, or the region too short for the map.
   * @throws {Error} ENOSPC: there is no room for it, or for the holes of a sparse file or object.
   * @throws {Deno.errors.NotSupported} If a file is sparse, and its file system cannot reserve
   * blocks.
   * @throws {TypeError} If an option is of another type.
   * @throws as `MmapRegion.open` does
   */
  static open(target: string | URL | MmapRegion, options: SharedMapOptions = {}): SharedMap {
    checkOptions(options, OPEN, OPENING);
    return SharedMap.#open(target, options, PLAIN);
  }

  static #open<T, Init>(
    target: string | URL | MmapRegion,
    options: SharedMapOptions,
    values: MapValues<T>,
  ): SharedMap<T, Init> {
    const action = OPENING;
    const { create, access } = openingOf(options, OPEN, action);
    const pooled = flag(options.pooled, "pooled", action, false);
    const wishes = readWishes(options, action);
    const fresh = (available?: number): Fresh => freshMap(wishes, values, available, action);
    const writable = access !== "read";
    const place = openPlace({ target, kind: "map", action, writable, create, fresh });
    try {
      checkValues(place.header.layout, values, action);
      const made = layoutOf(place.header, place.region.byteLength, action);
      const memory = new MapMemory(place, made, pooled);
      checkWishes(wishes, memory.layout, action);
      return new SharedMap<T, Init>(place, memory, values);
    } catch (error) {
      if (place.owned) place.region.close();
      throw error;
    }
  }

  /**
   * Maps whose values are of a type of `@mmap/mmap/struct`: a struct, a number, text. Such a map is
   * opened with a type of the same layout only.
   *
   * @throws {TypeError} If the type is not one of that module.
   *
   * @example
   * ```ts
   * import { SharedMap } from "@mmap/mmap/collections";
   * import { MmapRegion } from "@mmap/mmap";
   * import { f64, struct, u32 } from "@mmap/mmap/struct";
   * import { assertEquals } from "@std/assert";
   *
   * const Stock = struct({ count: u32, price: f64 });
   * using region = MmapRegion.anonymous(SharedMap.of(Stock).byteLength({ capacity: 100 }));
   * using stocks = SharedMap.of(Stock).open(region);
   * stocks.set("apples", { count: 3, price: 0.5 });
   * stocks.update("apples", (stock) => stock && { ...stock, count: stock.count - 1 });
   * assertEquals(stocks.get("apples"), { count: 2, price: 0.5 });
   * ```
   */
  static of<Type extends FieldType>(type: Type): TypedMaps<ValueOf<Type>, InitOf<Type>> {
    const layout = typeLayoutOf(type, OPENING);
    const { byteLength: valueByteLength } = layout;
    const sized = (options: TypedMapOptions, action: string): SharedMapOptions => {
      checkOptions(options, OPEN_TYPED, action);
      return { ...options, valueByteLength };
    };
    return {
      open: (target, options = {}) =>
        SharedMap.#open(target, sized(options, OPENING), new TypedValues<ValueOf<Type>>(layout)),
      byteLength: (options = {}) => SharedMap.byteLength(sized(options, MEASURING)),
    };
  }

  /**
   * How long a region has to be for a map with these options; others than sizes do not matter.
   *
   * @throws {RangeError} If a number is out of range.
   * @throws {TypeError} If an option is unknown, or of another type.
   */
  static byteLength(options: SharedMapOptions = {}): number {
    checkOptions(options, OPEN, MEASURING);
    return layOutNew(readWishes(options, MEASURING)).byteLength;
  }

  /** The largest number of keys. */
  get capacity(): number {
    const memory = this.#memory;
    if (memory.closed) return memory.layout.capacity;
    try {
      memory.settle("use map"); // another process may have resized it
      return memory.layout.capacity;
    } finally {
      memory.check();
    }
  }

  /** The longest key, in bytes. */
  get maxKeyByteLength(): number {
    return this.#memory.layout.maxKeyByteLength;
  }

  /** The longest value, in bytes. */
  get valueByteLength(): number {
    return this.#memory.layout.valueByteLength;
  }

  /** Whether it was closed. */
  get closed(): boolean {
    return this.#memory.closed;
  }

  /** How many keys there are. @throws {Deno.errors.BadResource} If the map is closed. */
  get size(): number {
    try {
      return Atomics.load(this.#memory.words, SIZE);
    } finally {
      this.#memory.check();
    }
  }

  /**
   * How full the map is, and in what state: for monitoring.
   *
   * @throws {Deno.errors.BadResource} If the map is closed.
   */
  stats(): MapStats {
    const { size, capacity } = this;
    const { words } = this.#memory;
    const [tombstones, generation] = [words[TOMBSTONES]!, words[GENERATION]!];
    this.#memory.check();
    const { byteLength } = this.#place.region;
    return { size, capacity, byteLength, tombstones, generation };
  }

  /**
   * A copy of the value of a key.
   *
   * @returns undefined if the map does not have it
   * @throws {TypeError} If the key is neither a string nor a Uint8Array.
   * @throws {Deno.errors.InvalidData} If the map is damaged.
   * @throws {Deno.errors.BadResource} If the map is closed.
   */
  get(key: string | Uint8Array): T | undefined {
    let bytes: Bytes | undefined;
    try {
      bytes = this.#key.take(key, "look key up")
        ? lookUp(this.#memory, this.#key)
        : this.#missing();
    } finally {
      this.#memory.check();
    }
    return bytes === undefined ? undefined : this.#values.decode(bytes);
  }

  /**
   * Copies the value of a key into memory of the caller, without allocating.
   *
   * @param target where the value goes, from its first byte on
   * @returns the length of the value in bytes; undefined if the map does not have the key
   * @throws {RangeError} If the value is longer than `target`, which then stays as it is.
   * @throws {TypeError} If `target` is not a Uint8Array.
   * @throws as {@linkcode get}
   */
  getInto(key: string | Uint8Array, target: Uint8Array): number | undefined {
    const action = "look key up";
    if (!(target instanceof Uint8Array)) plainBytes(target, "target", action);
    let byteLength: number | undefined;
    try {
      byteLength = this.#key.take(key, action)
        ? lookUpInto(this.#memory, this.#key, this.#scratch)
        : this.#missing();
    } finally {
      this.#memory.check();
    }
    if (byteLength === undefined) return undefined;
    const room = lengthOf(target);
    if (byteLength > room) {
      throw new RangeError(
        `Cannot ${action}: its value has ${byteLength} bytes, and the target has ${room}`,
      );
    }
    this.#scratch.copyTo(target);
    return byteLength;
  }

  /** Whether the map has a key. @throws as {@linkcode get} */
  has(key: string | Uint8Array): boolean {
    try {
      return this.#key.take(key, "look key up")
        ? isThere(this.#memory, this.#key)
        : this.#missing() !== undefined;
    } finally {
      this.#memory.check();
    }
  }

  /**
   * The result for a key that is too long, which no map has. @throws {Deno.errors.BadResource} If
   * the map is closed.
   */
  #missing(): undefined {
    this.#memory.words;
  }

  /**
   * Sets the value of a key. When this returns, all processes see it, and the death of this one
   * does not lose it.
   *
   * @param key at most `maxKeyByteLength` bytes of UTF-8
   * @param value at most `valueByteLength` bytes
   * @throws {RangeError} If the key or the value is too long.
   * @throws {TypeError} If one of them is of another type.
   * @throws {Deno.errors.WriteZero} If it is a new key and the map is full.
   * @throws {Deno.errors.PermissionDenied} If the map is open to read only.
   * @throws {Deno.errors.InvalidData} If the map is damaged.
   * @throws {Deno.errors.BadResource} If the map is closed.
   */
  set(key: string | Uint8Array, value: Init): void {
    this.#changes.set(key, this.#values.encode(value, "set key"));
  }

  /**
   * Sets the value of a key if the map does not have it, or only if it has it: in one step, so that
   * of several processes that try, one sets it.
   *
   * @returns whether it was set
   * @throws as {@linkcode set}
   */
  setIf(key: string | Uint8Array, value: Init, when: "absent" | "present"): boolean {
    const action = "set key";
    const bytes = this.#values.encode(value, action);
    const chosen = choice(when, ["absent", "present"], "when", action);
    if (chosen !== undefined) return this.#changes.setIf(key, bytes, chosen);
    throw new TypeError(`Cannot ${action} as when must be "absent" or "present"`);
  }

  /**
   * A copy of the value of a key, which is set to `value` if the map does not have it: in one step.
   *
   * @throws as {@linkcode set}
   */
  getOrInsert(key: string | Uint8Array, value: Init): T {
    const bytes = this.#values.encode(value, "insert key");
    return this.#values.decode(this.#changes.getOrInsert(key, bytes));
  }

  /**
   * Changes the value of a key, in one step for all processes.
   *
   * @param change gets a copy of the value, or undefined if there is none, and returns the new one,
   * or undefined to delete the key. It runs under the lock of the map, so it should be short, and it
   * must not use the map. If it throws, nothing has changed.
   * @returns what `change` returned
   * @throws {Deno.errors.Busy} If `change` uses the map, through this object or another one; or if it
   * is called in such a function.
   * @throws what `change` throws
   * @throws as {@linkcode set}
   */
  update(
    key: string | Uint8Array,
    change: (value: T | undefined) => Init | undefined,
  ): T | undefined {
    const action = "update key";
    callable(change, "change", action);
    let bytes: Uint8Array | undefined;
    this.#changes.update(key, (there) => {
      const value = change(there === undefined ? undefined : this.#values.decode(there));
      return bytes = value === undefined ? undefined : this.#values.encode(value, action);
    });
    return bytes === undefined ? undefined : this.#values.decode(new Uint8Array(bytes));
  }

  /**
   * Adds to a number, in one step for all processes. The value is 8 bytes: an f64, the least
   * significant byte first.
   *
   * @param by what is added, default 1
   * @param initial what it is added to if the map does not have the key, default 0
   * @returns the new number
   * @throws {TypeError} If the value is no such number, or `by` or `initial` is none.
   * @throws {RangeError} If `by` or `initial` is NaN or infinite, or values of the map are shorter.
   * @throws as {@linkcode set}
   */
  increment(key: string | Uint8Array, by: number = 1, initial: number = 0): number {
    const action = "increment key";
    const added = finite(by, "by", action);
    const first = finite(initial, "initial", action);
    if (this.#values.count) return this.#changes.increment(key, added, first);
    throw new TypeError(`Cannot ${action} as the values of the map are no numbers of type f64`);
  }

  /**
   * Removes a key and returns its value: of several processes that try, one gets it.
   *
   * @returns undefined if the map does not have it
   * @throws as {@linkcode set}
   */
  take(key: string | Uint8Array): T | undefined {
    const bytes = this.#changes.take(key);
    return bytes === undefined ? undefined : this.#values.decode(bytes);
  }

  /**
   * Removes a key.
   *
   * @returns whether it was there
   * @throws as {@linkcode set}
   */
  delete(key: string | Uint8Array): boolean {
    return this.#changes.delete(key);
  }

  /** Removes all keys. @throws as {@linkcode set} */
  clear(): void {
    this.#changes.clear();
  }

  /**
   * Makes room for more keys in a map that was opened by its path. All other processes that have it
   * open go on with the new capacity.
   *
   * Changes wait meanwhile, look-ups do not: all entries are copied to another part of the file. The
   * old part is used again by a later resize, so the file is at most about three times as long as a
   * new one of that capacity. If this throws, or the process is killed, the map is as before.
   *
   * @param capacity the new largest number of keys, up to 2^26; nothing happens if it has that already
   * @throws {RangeError} If it is less than now, or out of range.
   * @throws {TypeError} If it is not a number.
   * @throws {Deno.errors.NotSupported} If the map lies in a region of the caller.
   * @throws {Error} ENOSPC: the disk is full.
   * @throws as {@linkcode set}
   */
  resize(capacity: number): void {
    this.#changes.resize(wholeNumber(capacity, "capacity", "resize map", 1, LARGEST_CAPACITY));
  }

  /**
   * The keys, as strings, or as bytes if they were set as bytes, in no order. A key that is present
   * throughout the call is returned once. A key that others set or delete meanwhile may be returned
   * or not.
   *
   * @throws {Deno.errors.InvalidData} If the map is damaged.
   * @throws {Deno.errors.BadResource} If the map is closed.
   */
  keys(): IterableIterator<string | Uint8Array<ArrayBuffer>> {
    return this.#collect().values().map(keyOf);
  }

  /** The keys and copies of their values, as {@linkcode keys}. */
  entries(): IterableIterator<[key: string | Uint8Array<ArrayBuffer>, value: T]> {
    return this.#collect().values().map((found) => [
      keyOf(found),
      this.#values.decode(found.value),
    ]);
  }

  #collect(): MapEntry[] {
    try {
      return collect(this.#memory);
    } finally {
      this.#memory.check();
    }
  }

  /** As {@linkcode entries}. */
  [Symbol.iterator](): IterableIterator<[key: string | Uint8Array<ArrayBuffer>, value: T]> {
    return this.entries();
  }

  /**
   * Writes the map to the disk and waits, for a crash of the machine; see `flushSync` of the region.
   *
   * @throws {MappingFaultError} If the file was truncated under the map.
   * @throws {Deno.errors.BadResource} If the map is closed.
   */
  commit(options: CommitOptions = {}): void {
    const durability = durabilityOf(options, "commit map");
    void this.size; // throws if the map is closed, or its header was lost
    this.#place.region.flushSync({ durability });
  }

  /** Closes the map, and the file that it opened; a region that was given stays open. */
  close(): void {
    this.#memory.close();
    if (this.#place.owned) this.#place.region.close();
  }

  /** As {@linkcode close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

const decoder = new TextDecoder();

function keyOf({ key, isText }: MapEntry): string | Uint8Array<ArrayBuffer> {
  return isText ? decoder.decode(key) : key;
}

function freshMap(
  wishes: Wishes,
  values: MapValues<unknown>,
  available: number | undefined,
  action: string,
): Fresh {
  const layout = layOutNew(wishes, available);
  const { byteLength } = layout;
  if (available !== undefined && byteLength > available) {
    throw tooShort(action, available, byteLength);
  }
  const fill = (words: Int32Array): void => {
    words[SEED] = crypto.getRandomValues(new Int32Array(1))[0]!;
  };
  return { header: headerOf(layout, values.layout), byteLength, fill };
}
