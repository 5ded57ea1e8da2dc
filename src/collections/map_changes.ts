/**
 * Changes of a map under its lock: each is one step for all processes. If a writer is killed, or a
 * function of the caller throws, the map is as it was before the step or as it is after it.
 */

import { Mutex, type MutexGuard } from "../sync/mutex.ts";
import type { Scratch } from "./copy_out.ts";
import { MUTEX_BYTE_OFFSET } from "./header.ts";
import type { MapKey } from "./map_key.ts";
import { layOutNext } from "./map_layout.ts";
import type { MapMemory } from "./map_memory.ts";
import { isThere, lookUp, lookUpInto } from "./map_reader.ts";
import { checkLength, NUMBER_BYTES, numberThere, putNumber } from "./map_values.ts";
import { clearEntries, deleteEntry, moveEntries, repairMap, setEntry } from "./map_writer.ts";
import type { Place } from "./place.ts";

type Bytes = Uint8Array<ArrayBuffer>;
type Key = string | Uint8Array;

/** What an `update` makes of a value. */
type Change = (there: Bytes | undefined) => Uint8Array | undefined;

/** All changes of one map. */
export class MapChanges {
  readonly #place: Place;
  readonly #memory: MapMemory;
  readonly #key: MapKey;
  readonly #scratch: Scratch;
  readonly #mutex: Mutex | undefined;

  constructor(place: Place, memory: MapMemory, key: MapKey, scratch: Scratch) {
    const { region } = place;
    this.#place = place;
    this.#memory = memory;
    this.#key = key;
    this.#scratch = scratch;
    if (region.access === "read") return;
    this.#mutex = new Mutex(region, MUTEX_BYTE_OFFSET);
    // A process that was killed during a change may have left a wrong size.
    const guard = this.#mutex.tryLock();
    if (guard !== null) this.#unlock(this.#settled(guard, "open map"));
  }

  set(key: Key, value: Uint8Array): void {
    const action = "set key";
    const byteLength = this.#check(key, value, action);
    const guard = this.#lock(action);
    try {
      this.#put(value, byteLength, action);
    } finally {
      this.#unlock(guard);
    }
  }

  delete(key: Key): boolean {
    const action = "delete key";
    const isShort = this.#key.take(key, action);
    const guard = this.#lock(action);
    try {
      return isShort && this.#delete();
    } finally {
      this.#unlock(guard);
    }
  }

  clear(): void {
    this.#step("clear map", () => clearEntries(this.#memory, this.#memory.layout));
  }

  setIf(key: Key, value: Uint8Array, when: "absent" | "present"): boolean {
    const action = "set key";
    const byteLength = this.#check(key, value, action);
    return this.#step(action, () => {
      if (isThere(this.#memory, this.#key) !== (when === "present")) return false;
      this.#put(value, byteLength, action);
      return true;
    });
  }

  getOrInsert(key: Key, value: Uint8Array): Bytes {
    const action = "insert key";
    const byteLength = this.#check(key, value, action);
    this.#writable(action);
    const there = this.#lookUp(); // mostly it is there, and then no lock is needed
    if (there !== undefined) return there;
    return this.#step(action, () => {
      const meanwhile = this.#lookUp();
      if (meanwhile !== undefined) return meanwhile;
      this.#put(value, byteLength, action);
      return this.#lookUp()!;
    });
  }

  take(key: Key): Bytes | undefined {
    const action = "take key";
    const isShort = this.#key.take(key, action);
    return this.#step(action, () => {
      const there = isShort ? this.#lookUp() : undefined;
      if (there !== undefined) this.#delete();
      return there;
    });
  }

  increment(key: Key, by: number, initial: number): number {
    const action = "increment key";
    this.#check(key, NUMBER_BYTES, action);
    return this.#step(action, () => {
      const byteLength = lookUpInto(this.#memory, this.#key, this.#scratch);
      this.#memory.check();
      if (byteLength === undefined) putNumber(initial);
      else if (byteLength === NUMBER_BYTES.length) this.#scratch.copyTo(NUMBER_BYTES);
      else {
        throw new TypeError(
          `Cannot ${action} as its value must be a number of 8 bytes: it has ${byteLength} bytes`,
        );
      }
      const sum = numberThere() + by;
      putNumber(sum);
      this.#put(NUMBER_BYTES, NUMBER_BYTES.length, action);
      return sum;
    });
  }

  update(key: Key, change: Change): void {
    const action = "update key";
    this.#takeKey(key, action);
    // The function may change the bytes of the key, and calls that it makes in vain use the buffer.
    const kept = typeof key === "string" ? key : new Uint8Array(key);
    this.#step(action, () => {
      const there = this.#lookUp();
      const value = this.#memory.whileChanging(() => change(there));
      if (value !== undefined) this.#put(value, this.#check(kept, value, action), action);
      else if (there !== undefined && this.#key.take(kept, action)) this.#delete();
    });
  }

  resize(capacity: number): void {
    const action = "resize map";
    this.#step(action, () => {
      const { layout } = this.#memory;
      if (capacity === layout.capacity) return;
      if (capacity < layout.capacity) {
        throw new RangeError(
          `Cannot ${action} as it has room for ${layout.capacity} keys and only grows: ` +
            `received ${capacity}`,
        );
      }
      if (!this.#place.owned) {
        throw new Deno.errors.NotSupported(
          `Cannot ${action}: it lies in a region of the caller, and not in a file of its own`,
        );
      }
      const next = layOutNext(layout, capacity);
      this.#memory.makeRoom(next);
      moveEntries(this.#memory, layout, next);
      this.#memory.adopt(next);
    });
  }

  /** Takes the key, and checks both before anything changes. @returns the length of the value */
  #check(key: Key, value: Uint8Array, action: string): number {
    const byteLength = checkLength(value, this.#memory.layout.valueByteLength, action);
    this.#takeKey(key, action);
    return byteLength;
  }

  /** @throws {RangeError} If the key is too long. */
  #takeKey(key: Key, action: string): void {
    if (this.#key.take(key, action)) return;
    const longest = this.#memory.layout.maxKeyByteLength;
    throw new RangeError(`Cannot ${action} as a key must be at most ${longest} bytes long`);
  }

  #lookUp(): Bytes | undefined {
    try {
      return lookUp(this.#memory, this.#key);
    } finally {
      this.#memory.check();
    }
  }

  #put(value: Uint8Array, byteLength: number, action: string): void {
    const { layout } = this.#memory;
    if (setEntry(this.#memory, layout, this.#key, value, byteLength)) return;
    throw new Deno.errors.WriteZero(
      `Cannot ${action}: the map is full, it holds ${layout.capacity} keys`,
    );
  }

  #delete(): boolean {
    return deleteEntry(this.#memory, this.#memory.layout, this.#key);
  }

  #step<T>(action: string, work: () => T): T {
    const guard = this.#lock(action);
    try {
      return work();
    } finally {
      this.#unlock(guard);
    }
  }

  #writable(action: string): Mutex {
    this.#memory.words; // a closed map throws first
    if (this.#mutex !== undefined) return this.#mutex;
    throw new Deno.errors.PermissionDenied(`Cannot ${action}: the map has access "read"`);
  }

  #lock(action: string): MutexGuard {
    const mutex = this.#writable(action);
    this.#memory.check();
    const guard = mutex.lockSync();
    const isSettled = !guard.ownerDied && this.#memory.isSettled;
    return isSettled ? guard : this.#settled(guard, action);
  }

  /** The lock, with a whole map of a known layout under it. */
  #settled(guard: MutexGuard, action: string): MutexGuard {
    try {
      this.#memory.settle(action);
      if (guard.ownerDied) repairMap(this.#memory, this.#memory.layout);
      return guard;
    } catch (error) {
      this.#unlock(guard);
      throw error;
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
}
