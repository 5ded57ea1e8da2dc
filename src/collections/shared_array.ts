/** A growable array in a file or a region. */

import { checkMade, type Names, shown } from "../check/options.ts";
import type { LossWatch } from "../mapping/loss.ts";
import { wholeNumber } from "../check/numbers.ts";
import { alignUp, type Span } from "../mapping/pages.ts";
import { backingOf, type MmapRegion } from "../region/mmap_region.ts";
import { ownDataView, ownView } from "../region/own_view.ts";
import { reserve } from "../region/reserve.ts";
import { type FieldType, type InitOf, Layout, type ValueOf } from "../struct/field_type.ts";
import { place as placeOf } from "../struct/numbers.ts";
import { lossWatchOf } from "../wait/loss_watches.ts";
import { Mutex } from "../sync/mutex.ts";
import { readFirst } from "../wait/order.ts";
import { arrayHeader, byteLengthOf, checkElements, LARGEST_LENGTH, LENGTH } from "./array_words.ts";
import { HEADER_BYTE_LENGTH, invalid, MUTEX_BYTE_OFFSET } from "./header.ts";
import type { Fresh } from "./collection_file.ts";
import { type CommitOptions, durabilityOf, openingOf } from "./options.ts";
import { openPlace, type Place, tooShort } from "./place.ts";

/** Options of `SharedArray.open`. */
export interface SharedArrayOptions {
  /**
   * Create the array if the file does not exist or is empty. In an all-zero region it is always
   * created.
   * @default {false}
   */
  create?: boolean;
  /**
   * How many elements a new array has from the start; their bytes are zeros.
   * @default {0}
   */
  length?: number;
  /**
   * "read": only read, even in a file that this process may not write to.
   * @default {"read-write"}
   */
  access?: "read" | "read-write";
}

const OPEN: Names<SharedArrayOptions> = { create: true, length: true, access: true };

/** The span of an array: all of its region, which may grow. */
const WHOLE: Span = { byteOffset: 0, byteLength: Infinity };

/**
 * The limits of the steps by which the file grows, in bytes; within them, it grows by half.
 */
const SMALLEST_STEP = 1 << 16;
const LARGEST_STEP = 1 << 25;

/** The result of `SharedArray.stats`. */
export interface ArrayStats {
  /** How many elements there are. */
  readonly length: number;
  /** How many fit before the file has to grow; in a region, how many there may be. */
  readonly room: number;
  /** In bytes. */
  readonly elementByteLength: number;
  /** The length of the file or region as it is mapped here, in bytes. */
  readonly byteLength: number;
}

/**
 * An array of numbers or structs that processes share, in a file that grows with it, or in a region.
 *
 * `push` takes a lock, writes the elements and then makes all of them visible at once. A process that
 * is killed in the middle has appended nothing. `at` and `set` take no lock. A `set` of a number at its
 * natural alignment is one store. A `set` of a struct is several stores: a reader may see half of them,
 * and a kill may leave half of them. Guard what must stay together with a `Mutex`.
 *
 * A crash of the machine may lose what was not committed.
 *
 * Once a page of its memory was lost, every operation throws `MappingFaultError`: see the module's page.
 *
 * @typeParam T the value of an element: a number, a bigint, or an object with a struct's fields
 * @typeParam Init what an element is set to; of a struct, fields may be left out
 *
 * @example
 * ```ts
 * import { SharedArray } from "@mmap/mmap/collections";
 * import { f64, i32, struct } from "@mmap/mmap/struct";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile();
 * const Sample = struct({ sensor: i32, value: f64 });
 * using samples = SharedArray.open(path, Sample, { create: true });
 * samples.push({ sensor: 1, value: 0.5 }, { sensor: 2, value: 0.25 });
 *
 * using others = SharedArray.open(path, Sample); // in any process
 * assertEquals(others.at(-1), { sensor: 2, value: 0.25 });
 * assertEquals(others.length, 2);
 * await Deno.remove(path);
 * ```
 */
export class SharedArray<T, Init = T> implements Disposable, Iterable<T> {
  readonly #place: Place;
  readonly #layout: Layout;
  readonly #mutex: Mutex | undefined;
  readonly #lossWatch: LossWatch;
  #closed = false;
  #words: Int32Array;
  #view: DataView;
  /** How many elements the view has room for. */
  #mapped: number;

  /** @ignore */
  private constructor(place: Place, layout: Layout) {
    checkMade(place, "header", "SharedArray.open");
    const { region } = place;
    this.#place = place;
    this.#layout = layout;
    this.#words = ownView(region, Int32Array);
    this.#view = ownDataView(region);
    this.#mapped = this.#room;
    this.#lossWatch = lossWatchOf(backingOf(region), WHOLE);
    if (region.access !== "read") this.#mutex = new Mutex(region, MUTEX_BYTE_OFFSET);
    try {
      this.#reach(Atomics.load(this.#words, LENGTH) >>> 0);
    } finally {
      this.#check();
    }
  }

  /**
   * Must be called after data were read or written.
   *
   * @throws {MappingFaultError} If a page of it was lost.
   */
  #check(): void {
    if (!this.#closed) this.#lossWatch.check();
  }

  /**
   * Opens an array, or creates it.
   *
   * @param target a path, a file URL, or a region, which the caller has to close, and which never
   * grows
   * @param type what the elements are: a scalar or a struct of `@mmap/mmap/struct`
   * @throws {Deno.errors.NotFound} ENOENT: the file does not exist, and `create` is not given.
   * @throws {Deno.errors.InvalidData} If something else is there, an array of other elements or of
   * another version, or a damaged one.
   * @throws {RangeError} If `length` is out of range, or the region too short for it.
   * @throws {Error} ENOSPC: there is no room for it, or for the holes of a sparse file or object.
   * @throws {Deno.errors.NotSupported} If a file is sparse, and its file system cannot reserve
   * blocks.
   * @throws {TypeError} If an option is of another type.
   * @throws as `MmapRegion.open` does
   */
  static open<Type extends FieldType>(
    target: string | URL | MmapRegion,
    type: Type,
    options: SharedArrayOptions = {},
  ): SharedArray<ValueOf<Type>, InitOf<Type>> {
    const action = "open array";
    if (!(type instanceof Layout)) {
      throw new TypeError(
        `Cannot ${action} as its second argument must be the type of the elements, such as f64 or a ` +
          `struct of ./struct: received ${shown(type)}`,
      );
    }
    const layout: Layout = type;
    const { create, access } = openingOf(options, OPEN, action);
    const { length: wanted = 0 } = options;
    const length = checkLength(wanted, action);
    const fresh = (available?: number): Fresh => freshArray(layout, length, available, action);
    const writable = access !== "read";
    const place = openPlace({ target, kind: "array", action, writable, create, fresh });
    try {
      checkElements(place.header, layout, action);
      reserve(backingOf(place.region));
      return new SharedArray(place, layout);
    } catch (error) {
      if (place.owned) place.region.close();
      throw error;
    }
  }

  /** How many elements there are. @throws {Deno.errors.BadResource} If the array is closed. */
  get length(): number {
    // Pairs with the store in `push`: a reader that sees a length sees all elements before it.
    const length = readFirst(this.#live("use array"), LENGTH) >>> 0;
    this.#check();
    return length;
  }

  /**
   * How many elements there are, and the room for more: for monitoring.
   *
   * @throws {Deno.errors.BadResource} If the array is closed.
   */
  stats(): ArrayStats {
    const { length } = this;
    const { byteLength } = this.#place.region;
    const elementByteLength = this.#layout.byteLength;
    const room = Math.floor((byteLength - HEADER_BYTE_LENGTH) / elementByteLength);
    return { length, room, elementByteLength, byteLength };
  }

  /** Whether it was closed. */
  get closed(): boolean {
    return this.#closed || this.#place.region.closed;
  }

  /**
   * A copy of an element: a number, a bigint, or a plain object.
   *
   * @param index negative ones count from the end
   * @throws {RangeError} If there is no such element.
   * @throws {TypeError} If the index is not a number.
   * @throws {Deno.errors.BadResource} If the array is closed.
   */
  at(index: number): T {
    const offset = this.#offsetOf(index);
    try {
      return this.#layout.copy(this.#view, offset) as T;
    } finally {
      this.#check();
    }
  }

  /**
   * Changes an element. Fields of a struct that are left out stay unchanged.
   *
   * @param index negative ones count from the end
   * @throws {RangeError} If there is no such element, or text in it is too long.
   * @throws {TypeError} If the value is of another type.
   * @throws {Deno.errors.PermissionDenied} If the array is open to read only.
   * @throws {Deno.errors.BadResource} If the array is closed.
   */
  set(index: number, value: Init): void {
    this.#live("set element");
    this.#checkWritable("set element");
    const prepared = this.#layout.prepare(value);
    const offset = this.#offsetOf(index);
    this.#check(); // before anything changes
    this.#layout.write(this.#view, offset, prepared);
    this.#check();
  }

  /**
   * Appends elements, all of them or none.
   *
   * @returns the new length
   * @throws {RangeError} If text in a value is too long.
   * @throws {TypeError} If a value is of another type.
   * @throws {Deno.errors.WriteZero} If the array lies in a region and it is full.
   * @throws {Deno.errors.PermissionDenied} If the array is open to read only.
   * @throws {Deno.errors.BadResource} If the array is closed.
   * @throws {Error} ENOSPC: the disk is full; the array is as it was.
   */
  push(...values: Init[]): number {
    const action = "push";
    this.#live(action);
    const mutex = this.#checkWritable(action);
    const prepared = values.map((value) => this.#layout.prepare(value));
    this.#check(); // before the file grows, which would map lost pages anew
    using _guard = mutex.lockSync();
    try {
      return this.#append(prepared);
    } finally {
      this.#check();
    }
  }

  /** Called with the lock held. */
  #append(prepared: readonly unknown[]): number {
    const length = Atomics.load(this.#words, LENGTH) >>> 0;
    const wanted = length + prepared.length;
    this.#reach(length);
    this.#makeRoom(wanted);
    const { byteLength } = this.#layout;
    // Bytes that a killed process has left beyond the end must not appear in fields that are left
    // out.
    const start = byteLengthOf(length, byteLength);
    this.#bytes(start, prepared.length * byteLength).fill(0);
    prepared.forEach((each, i) => this.#layout.write(this.#view, start + i * byteLength, each));
    this.#check();
    // Pairs with the load in `length`. A plain store could be seen before the elements.
    Atomics.store(this.#words, LENGTH, wanted | 0);
    return wanted;
  }

  #bytes(byteOffset: number, byteLength: number): Uint8Array {
    const { buffer, byteOffset: start } = this.#view;
    return new Uint8Array(buffer, start + byteOffset, byteLength);
  }

  /** Copies of the elements that exist when the iteration begins. */
  *[Symbol.iterator](): IterableIterator<T> {
    const { length } = this;
    for (let i = 0; i < length; i++) yield this.at(i);
  }

  /**
   * Writes the array to the disk and waits, for a crash of the machine; see `flushSync` of the region.
   *
   * @throws {MappingFaultError} If the file was truncated under the array.
   * @throws {Deno.errors.BadResource} If the array is closed.
   */
  commit(options: CommitOptions = {}): void {
    const durability = durabilityOf(options, "commit array");
    this.#live("commit array");
    void this.length; // throws if the header was lost
    this.#place.region.flushSync({ durability });
  }

  /** Closes the array, and the file that it opened; a region that was given stays open. */
  close(): void {
    this.#closed = true;
    this.#words = new Int32Array();
    if (this.#place.owned) this.#place.region.close();
  }

  /** As {@linkcode close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** @throws {Deno.errors.BadResource} If the array is closed. */
  #live(action: string): Int32Array {
    // Closing the array or the region, or resizing the region, detaches the view.
    if (this.#words.length > 0) return this.#words;
    if (this.closed) throw new Deno.errors.BadResource(`Cannot ${action}: the array is closed`);
    this.#renew();
    return this.#words;
  }

  #renew(): void {
    const { region } = this.#place;
    this.#words = ownView(region, Int32Array);
    this.#view = ownDataView(region);
    this.#mapped = this.#room;
  }

  get #room(): number {
    return Math.floor((this.#view.byteLength - HEADER_BYTE_LENGTH) / this.#layout.byteLength);
  }

  #checkWritable(action: string): Mutex {
    if (this.#mutex !== undefined) return this.#mutex;
    throw new Deno.errors.PermissionDenied(`Cannot ${action}: the array has access "read"`);
  }

  #offsetOf(index: number): number {
    const words = this.#words;
    // The short way to an element that is there, in memory that is mapped. Pairs with the store in
    // `#append`, as in `length`. A closed array has no words.
    const isThere = words.length > 0 && index >>> 0 === index && index < this.#mapped &&
      index < readFirst(words, LENGTH) >>> 0;
    if (isThere) return byteLengthOf(index, this.#layout.byteLength);
    const { length } = this;
    const at = placeOf(index, length);
    this.#reach(length);
    return byteLengthOf(at, this.#layout.byteLength);
  }

  /** Maps this many elements, if another process has grown the file. */
  #reach(length: number): void {
    const needed = byteLengthOf(length, this.#layout.byteLength);
    if (needed <= this.#view.byteLength) return;
    if (this.#place.owned) {
      this.#place.region.refresh();
      this.#renew();
      if (needed <= this.#view.byteLength) return;
    }
    throw invalid("read array", "it is shorter than it says");
  }

  /** Makes the file long enough. Called with the lock held. */
  #makeRoom(length: number): void {
    const needed = byteLengthOf(length, this.#layout.byteLength);
    const { region, owned } = this.#place;
    if (length > LARGEST_LENGTH || !owned && needed > region.byteLength) {
      throw new Deno.errors.WriteZero(`Cannot push: the array is full`);
    }
    // Another process may have made the file longer than this one knows.
    if (needed > region.byteLength && owned) {
      region.refresh();
      reserve(backingOf(region));
    }
    const before = region.byteLength;
    if (needed > before) {
      const step = Math.min(Math.max(before >> 1, SMALLEST_STEP), LARGEST_STEP);
      region.resize(alignUp(Math.max(needed, before + step), SMALLEST_STEP));
    }
    if (this.#words.length === 0 || this.#view.byteLength < needed) this.#renew();
  }
}

function checkLength(length: number, action: string): number {
  return wholeNumber(length, "length", action, 0, LARGEST_LENGTH);
}

function freshArray(
  layout: Layout,
  length: number,
  available: number | undefined,
  action: string,
): Fresh {
  const needed = byteLengthOf(length, layout.byteLength);
  if (available !== undefined && needed > available) throw tooShort(action, available, needed);
  const fill = (words: Int32Array): void => {
    words[LENGTH] = length | 0;
  };
  const byteLength = available ?? alignUp(Math.max(needed, SMALLEST_STEP), HEADER_BYTE_LENGTH);
  return { header: arrayHeader(layout), byteLength, fill };
}
