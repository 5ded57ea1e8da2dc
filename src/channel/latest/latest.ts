/** `Latest`: a value that newer ones replace. */

import { lengthOf, plainBytes } from "../../../ffi/memory.ts";
import { checkMade, checkOptions, type Names } from "../../check/options.ts";
import { wholeNumber } from "../../check/numbers.ts";
import { alignUp } from "../../mapping/pages.ts";
import { formatHandle, type RegionHandle } from "../../object/handle.ts";
import { MmapRegion } from "../../region/mmap_region.ts";
import { type Attempt, attemptAsync } from "../../wait/attempt.ts";
import { withLock } from "../../wait/lock_attempt.ts";
import { patience, type WaitOptions } from "../../wait/patience.ts";
import { loadAfter } from "../../wait/order.ts";
import { RobustWord } from "../../wait/robust_word.ts";
import type { Words } from "../../wait/words.ts";
import { loadCount, storeCount } from "../counts.ts";
import { regionFromEnv } from "../environment.ts";
import type { Geometry } from "../header.ts";
import { LATEST } from "../kinds.ts";
import { HEADER_BYTE_LENGTH } from "../layout.ts";
import { attachPlaced, createPlaced, PLACE, type Placed, type PlaceOptions } from "../place.ts";
import { RingMemory } from "../ring_memory.ts";

/** Counts the writes, in 64 bits; the value is in slot VERSION modulo SLOTS. */
export const VERSION = 16;
/** 1: a reader may sleep on this word until the next write. */
export const BELL = 48;
/** A lock word: whose turn it is to write. */
export const WRITE_LOCK = 80;

/** A power of two. With more than two, a reader has time to copy while several writes come. */
const SLOTS = 4;
const SLOT_ALIGNMENT = 64;
const LARGEST = 2 ** 28;

/** The default environment variable of `env` and `fromEnv`. */
const DEFAULT_VARIABLE = "MMAP_LATEST";

/** Options of `Latest.create`. */
export interface LatestOptions extends PlaceOptions {
  /** The length of the value, in bytes: 1 to 2^28. */
  byteLength: number;
}

/** The result of `Latest.stats`. */
export interface LatestStats {
  /** How often it was written. */
  readonly version: number;
  /** The length of the value, in bytes. */
  readonly byteLength: number;
  /** The memory that it takes, in bytes. */
  readonly memoryByteLength: number;
}

const CREATE: Names<LatestOptions> = { ...PLACE, byteLength: true };

/**
 * A value in shared memory that one process writes again and again and others read: a position, a
 * configuration, a frame. A reader always gets the newest value as a whole. Values that were
 * written between two reads are skipped.
 *
 * A writer never waits for readers. Several writers wait for each other's copy, so a writer that is
 * stopped in the middle of its copy blocks the others. A writer that dies does not: the previous
 * value stays. A reader that is overtaken by several writes while it copies starts again.
 *
 * It takes a page of words and four times the length of the value. Words 0 to 5 are as in a
 * channel, word 5 being the length of the value; words 16 and 17 count the writes and so name the
 * slot, word 48 is what waiters sleep on, word 80 the writers' lock. The four slots follow, each at
 * a multiple of 64 bytes.
 *
 * Once a page of its memory was lost, every operation throws `MappingFaultError`: see the module's page.
 *
 * @example
 * ```ts
 * import { Latest } from "@mmap/mmap/channel";
 * import { assertEquals } from "@std/assert";
 *
 * using latest = Latest.create({ byteLength: 3 });
 * using reader = Latest.attach(latest.handle()); // a child: Latest.fromEnv(), given latest.env()
 * latest.write(new Uint8Array([1, 1, 1]));
 * latest.write(new Uint8Array([2, 2, 2]));
 * assertEquals(reader.read(), new Uint8Array([2, 2, 2]));
 * assertEquals(reader.version, 2);
 * ```
 */
export class Latest implements Disposable {
  readonly #placed: Placed;
  readonly #memory: RingMemory;
  readonly #lock: RobustWord;
  readonly #slotByteLength: number;

  /**
   * @ignore
   * @throws {TypeError} Always, except for the static methods of this class.
   */
  private constructor(placed: Placed) {
    checkMade(placed, "geometry", "Latest.create, attach or fromEnv");
    this.#placed = placed;
    this.#memory = new RingMemory(placed.words, placed.geometry.capacity);
    this.#lock = new RobustWord(placed.words, WRITE_LOCK);
    this.#slotByteLength = placed.geometry.capacity / SLOTS;
  }

  /**
   * Creates a value in anonymous memory, or under a name or path, where it joins an existing one.
   *
   * @throws {RangeError} If `byteLength` is not a whole number from 1 to 2^28.
   * @throws {Deno.errors.AlreadyExists} If something else is there, or a value of another length.
   * @throws {Error} ENOSPC: there is not enough memory, or room on the disk.
   */
  static create(options: LatestOptions): Latest {
    checkOptions(options, CREATE, "create latest value");
    const action = "create latest value";
    const byteLength = wholeNumber(options.byteLength, "byteLength", action, 1, LARGEST);
    return new Latest(createPlaced(options, LATEST, geometryFor(byteLength)));
  }

  /**
   * Opens the value that a handle leads to.
   *
   * @throws {Deno.errors.InvalidData} If there is no such value.
   * @throws as `MmapRegion.attach` does
   */
  static attach(handle: RegionHandle | string): Latest {
    return new Latest(attachPlaced(MmapRegion.attach(handle), LATEST, checkPlaced));
  }

  /**
   * Opens the value that the parent process put into the environment with {@linkcode env}.
   *
   * @param variable default "MMAP_LATEST"
   * @throws {Deno.errors.NotFound} If the variable is not set.
   */
  static fromEnv(variable: string = DEFAULT_VARIABLE): Latest {
    const region = regionFromEnv(variable, "latest value");
    return new Latest(attachPlaced(region, LATEST, checkPlaced));
  }

  /** The length of the value, in bytes. */
  get byteLength(): number {
    return this.#placed.geometry.flags;
  }

  /** The region that contains it. */
  get region(): MmapRegion {
    return this.#placed.region;
  }

  /** Whether it was closed. */
  get closed(): boolean {
    return this.region.closed;
  }

  /** How often it was written. @throws {Deno.errors.BadResource} If it is closed. */
  get version(): number {
    const version = loadCount(this.#memory.cells, VERSION);
    this.#memory.check();
    return version;
  }

  /** How often it was written, and its sizes. @throws {Deno.errors.BadResource} If it is closed. */
  stats(): LatestStats {
    const { version, byteLength } = this;
    return { version, byteLength, memoryByteLength: HEADER_BYTE_LENGTH + this.#memory.capacity };
  }

  /**
   * Writes the value. Readers see all of it, or the previous one.
   *
   * @throws {RangeError} If it does not have exactly `byteLength` bytes.
   * @throws {TypeError} If it is not a Uint8Array.
   * @throws {Deno.errors.BadResource} If this is closed.
   */
  write(bytes: Uint8Array): void {
    const value = plainBytes(bytes, "bytes", "write latest value");
    this.#checkLength(value, "write latest value");
    withLock(this.#lock, "write latest value", () => {
      const { cells, bytes } = this.#memory;
      // The value is not written before this: pairs with `loadAfter` in `read`, which sees at least this
      // version if it has read anything of the value.
      const version = loadCount(cells, VERSION);
      bytes.set(value, this.#slotOf(version + 1));
      this.#memory.check(); // or readers would get what is there instead
      // Pairs with the first load in `read`: a reader that sees the number sees the value.
      storeCount(this.#memory, VERSION, version + 1, version);
    });
    // After the number: a waiter sets the bell and then looks at the number.
    if (Atomics.load(this.#memory.cells, BELL) !== 0) this.#memory.wake(BELL);
    this.#memory.check();
  }

  /**
   * The newest value; zeros before the first write.
   *
   * @param target where to copy it to, exactly `byteLength` bytes; by default a new array
   * @returns `target`
   * @throws {RangeError} If `target` has another length.
   * @throws {TypeError} If `target` is not a Uint8Array.
   * @throws {Deno.errors.BadResource} If this is closed.
   */
  read(target: Uint8Array = new Uint8Array(this.byteLength)): Uint8Array {
    const value = plainBytes(target, "target", "read latest value");
    this.#checkLength(value, "read latest value");
    const { cells, bytes } = this.#memory;
    while (true) {
      const version = loadCount(cells, VERSION);
      const at = this.#slotOf(version);
      value.set(bytes.subarray(at, at + this.byteLength));
      // The slot is written again once SLOTS - 1 further writes are done: pairs with the load in
      // `write`. A load alone could be performed before the copy.
      loadAfter(cells, VERSION);
      const isWhole = loadCount(cells, VERSION) - version < SLOTS - 1;
      this.#memory.check();
      if (isWhole) return target;
    }
  }

  /**
   * The offset of a version's value, in bytes; always within the ring, even for a damaged version.
   */
  #slotOf(version: number): number {
    return (version & (SLOTS - 1)) * this.#slotByteLength;
  }

  #checkLength(bytes: Uint8Array, action: string): void {
    if (lengthOf(bytes) === this.byteLength) return;
    throw new RangeError(
      `Cannot ${action} as it takes exactly ${this.byteLength} bytes: received ${lengthOf(bytes)}`,
    );
  }

  /**
   * Waits for the first write after this call.
   *
   * @throws {Deno.errors.TimedOut} If `timeoutMs` passes.
   * @throws the signal's reason, if it is aborted.
   * @throws {Deno.errors.BadResource} If this is closed, also while it waits.
   */
  async changed(options?: WaitOptions): Promise<void> {
    const limits = patience(options, "wait for latest value");
    await attemptAsync(new Change(this.#memory), limits);
  }

  /**
   * What another process needs to attach, as plain JSON. It is valid as long as this is open.
   *
   * @throws {Deno.errors.BadResource} If this is closed.
   */
  handle(): RegionHandle {
    return this.region.handle();
  }

  /**
   * The handle as environment variables for `Deno.Command`.
   *
   * @param variable default "MMAP_LATEST"
   */
  env(variable: string = DEFAULT_VARIABLE): Record<string, string> {
    return { [variable]: formatHandle(this.handle()) };
  }

  /** Gives the memory back. A second call does nothing. */
  close(): void {
    if (this.closed) return;
    this.#memory.wake(BELL);
    this.region.close();
  }

  /** As {@linkcode close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** The geometry of a value of that length. */
export function geometryFor(byteLength: number): Geometry {
  return { capacity: SLOTS * alignUp(byteLength, SLOT_ALIGNMENT), flags: byteLength };
}

/** @throws {Deno.errors.InvalidData} If the header contradicts itself. */
function checkPlaced(placed: Placed): Placed {
  const { capacity, flags } = placed.geometry;
  if (flags >= 1 && flags <= LARGEST && geometryFor(flags).capacity === capacity) return placed;
  throw new Deno.errors.InvalidData(
    `Cannot open latest value: its header is damaged, a value of ${flags} bytes cannot take ${capacity}`,
  );
}

/** One wait for a write. */
class Change implements Attempt<true> {
  readonly words: Words;
  readonly action = "wait for latest value";
  readonly index = BELL;
  readonly expected = 1;
  readonly #memory: RingMemory;
  readonly #before: number;

  constructor(memory: RingMemory) {
    this.#memory = memory;
    this.words = memory.words;
    this.#before = loadCount(memory.cells, VERSION);
  }

  attempt(): true | undefined {
    return loadCount(this.words.cells, VERSION) !== this.#before || undefined;
  }

  prepare(): true | undefined {
    if (this.attempt()) return true;
    // Before the look: either this look finds the write, or the writer finds the bell set.
    Atomics.store(this.words.cells, BELL, 1);
    if (!this.attempt()) return undefined;
    // The writer may have reset the bell before this set it again: another reader, which looked
    // before the write, would sleep on it.
    this.#memory.wake(BELL);
    return true;
  }

  cancel(): undefined {}
}
