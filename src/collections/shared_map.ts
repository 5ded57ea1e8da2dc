/** A map in shared memory or a file. */

import { lengthOf, plainBytes } from "../../ffi/memory.ts";
import { flag, type Names } from "../check/options.ts";
import { backingOf, type MmapRegion } from "../region/mmap_region.ts";
import { reserve } from "../region/reserve.ts";
import { Mutex, type MutexGuard } from "../sync/mutex.ts";
import { MUTEX_BYTE_OFFSET } from "./header.ts";
import { MapKey } from "./map_key.ts";
import {
  checkWishes,
  GENERATION,
  headerOf,
  layOutNew,
  layoutOf,
  type MapLayout,
  readWishes,
  SEED,
  SIZE,
  TOMBSTONES,
  type Wishes,
} from "./map_layout.ts";
import { collect, isThere, lookUp, lookUpInto, type MapEntry } from "./map_reader.ts";
import { clearEntries, deleteEntry, repairMap, setEntry } from "./map_writer.ts";
import type { Fresh } from "./collection_file.ts";
import { type CommitOptions, durabilityOf, openingOf } from "./options.ts";
import { openPlace, type Place } from "./place.ts";
import { RegionMemory } from "./region_memory.ts";
import { Scratch } from "./copy_out.ts";

/** Options of `SharedMap.open`. Sizes need not be given for an existing map. */
export interface SharedMapOptions {
  /** The largest number of keys: 1 to 2^26; by default 1024, or in a region as many as fit. */
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
 * A map of fixed capacity that processes share, in a file or a region: keys are strings or bytes,
 * values bytes.
 *
 * Look-ups take no lock and always get a whole value. Changes take one lock for the whole map. If a
 * process is killed in the middle of a change, the next one that gets the lock repairs the map. The
 * effect of every `set` and `delete` that returned is kept. A crash of the machine may lose
 * anything that was not committed, and leave a damaged map.
 *
 * A string is the same key as its UTF-8 bytes. The values that it returns are copies. With `pooled`,
 * small ones share buffers.
 *
 * A process that can write to the file can damage the map. Then the map throws
 * `Deno.errors.InvalidData` or returns what was written there, but it never touches other memory.
 *
 * Once a page of its memory was lost, every operation throws `MappingFaultError`: see the module's page.
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
 * ```
 */
export class SharedMap implements Disposable {
  readonly #place: Place;
  readonly #layout: MapLayout;
  readonly #memory: RegionMemory;
  readonly #mutex: Mutex | undefined;
  readonly #key: MapKey;
  readonly #scratch = new Scratch();

  /** @ignore */
  private constructor(place: Place, layout: MapLayout, pooled: boolean) {
    const { region } = place;
    this.#place = place;
    this.#layout = layout;
    this.#memory = new RegionMemory(region, layout.byteLength, "map", pooled);
    this.#key = new MapKey(layout.maxKeyByteLength, this.#memory.words[SEED]!);
    if (region.access === "read") return;
    this.#mutex = new Mutex(region, MUTEX_BYTE_OFFSET);
    // A process that was killed during a change may have left a wrong size.
    const guard = this.#mutex.tryLock();
    if (guard === null) return;
    try {
      if (guard.ownerDied) repairMap(this.#memory, layout);
    } finally {
      this.#unlock(guard);
    }
  }

  /**
   * If the memory was lost, the lock is given up instead of given back: its next holder repairs the
   * map.
   */
  #unlock(guard: MutexGuard): void {
    try {
      this.#memory.check();
    } finally {
      guard.unlock();
    }
  }

  /**
   * Opens a map, or creates it.
   *
   * @param target a path, a file URL, or a region, which the caller has to close
   * @throws {Deno.errors.NotFound} ENOENT: the file does not exist, and `create` is not given.
   * @throws {Deno.errors.InvalidData} If something else is there, a map of another version or of
   * another geometry than the options say, or a damaged one.
   * @throws {RangeError} If a number is out of range, or the region too short for the map.
   * @throws {Error} ENOSPC: there is no room for it, or for the holes of a sparse file or object.
   * @throws {Deno.errors.NotSupported} If a file is sparse, and its file system cannot reserve
   * blocks.
   * @throws {TypeError} If an option is of another type.
   * @throws as `MmapRegion.open` does
   */
  static open(target: string | URL | MmapRegion, options: SharedMapOptions = {}): SharedMap {
    const action = "open map";
    const { create, access } = openingOf(options, OPEN, action);
    const pooled = flag(options.pooled, "pooled", action, false);
    const wishes = readWishes(options, action);
    const fresh = (available: number | undefined): Fresh => freshMap(wishes, available, action);
    const writable = access !== "read";
    const place = openPlace({ target, kind: "map", action, writable, create, fresh });
    try {
      const layout = layoutOf(place.header, place.region.byteLength, action);
      checkWishes(wishes, layout, action);
      reserve(backingOf(place.region), 0, layout.byteLength);
      return new SharedMap(place, layout, pooled);
    } catch (error) {
      if (place.owned) place.region.close();
      throw error;
    }
  }

  /** The largest number of keys. */
  get capacity(): number {
    return this.#layout.capacity;
  }

  /** The longest key, in bytes. */
  get maxKeyByteLength(): number {
    return this.#layout.maxKeyByteLength;
  }

  /** The longest value, in bytes. */
  get valueByteLength(): number {
    return this.#layout.valueByteLength;
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
  get(key: string | Uint8Array): Uint8Array<ArrayBuffer> | undefined {
    try {
      return this.#key.take(key, "look key up")
        ? lookUp(this.#memory, this.#layout, this.#key)
        : this.#missing();
    } finally {
      this.#memory.check();
    }
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
        ? lookUpInto(this.#memory, this.#layout, this.#key, this.#scratch)
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
        ? isThere(this.#memory, this.#layout, this.#key)
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
  set(key: string | Uint8Array, value: Uint8Array): void {
    const action = "set key";
    const bytes = value instanceof Uint8Array ? value : plainBytes(value, "value", action);
    const byteLength = lengthOf(bytes);
    const { valueByteLength, maxKeyByteLength, capacity } = this.#layout;
    if (byteLength > valueByteLength) {
      throw new RangeError(
        `Cannot ${action} as a value must be at most ${valueByteLength} bytes long: ` +
          `received ${byteLength}`,
      );
    }
    if (!this.#key.take(key, action)) {
      throw new RangeError(
        `Cannot ${action} as a key must be at most ${maxKeyByteLength} bytes long`,
      );
    }
    const guard = this.#lock(action);
    try {
      if (setEntry(this.#memory, this.#layout, this.#key, bytes, byteLength)) return;
    } finally {
      this.#unlock(guard);
    }
    throw new Deno.errors.WriteZero(`Cannot ${action}: the map is full, it holds ${capacity} keys`);
  }

  /**
   * Removes a key.
   *
   * @returns whether it was there
   * @throws as {@linkcode set}
   */
  delete(key: string | Uint8Array): boolean {
    const isShort = this.#key.take(key, "delete key");
    const guard = this.#lock("delete key");
    try {
      return isShort && deleteEntry(this.#memory, this.#layout, this.#key);
    } finally {
      this.#unlock(guard);
    }
  }

  /** Removes all keys. @throws as {@linkcode set} */
  clear(): void {
    const guard = this.#lock("clear map");
    try {
      clearEntries(this.#memory, this.#layout);
    } finally {
      this.#unlock(guard);
    }
  }

  #lock(action: string): MutexGuard {
    this.#memory.words; // a closed map throws first
    if (this.#mutex === undefined) {
      throw new Deno.errors.PermissionDenied(`Cannot ${action}: the map has access "read"`);
    }
    this.#memory.check();
    const guard = this.#mutex.lockSync();
    if (!guard.ownerDied) return guard;
    try {
      repairMap(this.#memory, this.#layout);
    } catch (error) {
      this.#unlock(guard);
      throw error;
    }
    return guard;
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
  entries(): IterableIterator<
    [key: string | Uint8Array<ArrayBuffer>, value: Uint8Array<ArrayBuffer>]
  > {
    return this.#collect().values().map((found) => [keyOf(found), found.value]);
  }

  #collect(): MapEntry[] {
    try {
      return collect(this.#memory, this.#layout);
    } finally {
      this.#memory.check();
    }
  }

  /** As {@linkcode entries}. */
  [Symbol.iterator](): IterableIterator<
    [key: string | Uint8Array<ArrayBuffer>, value: Uint8Array<ArrayBuffer>]
  > {
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

function freshMap(wishes: Wishes, available: number | undefined, action: string): Fresh {
  const layout = layOutNew(wishes, available);
  if (layout === undefined) {
    throw new RangeError(
      `Cannot ${action} as the region of ${available} bytes is too short for it`,
    );
  }
  const fill = (words: Int32Array): void => {
    words[SEED] = crypto.getRandomValues(new Int32Array(1))[0]!;
  };
  return { header: headerOf(layout), byteLength: layout.byteLength, fill };
}
