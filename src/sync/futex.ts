/** A 32-bit word that processes wait on. */

import { wholeNumber } from "../check/numbers.ts";
import {
  patience,
  patienceSync,
  type SyncWaitOptions,
  type WaitOptions,
} from "../wait/patience.ts";
import { placeWords, type SyncMemory } from "../wait/place.ts";
import type { WaitResult, Words } from "../wait/words.ts";

/**
 * A word in shared memory, and waiting for it to change: the basis of all locks. Linux's
 * `futex(2)`, shared between processes.
 *
 * It takes 64 bytes of a region, at a multiple of 64; only the first four are used, as a signed
 * number in the machine's byte order.
 *
 * A wait may end spuriously, with "ok": look at the word again.
 *
 * Once a page of its memory was lost, every operation throws `MappingFaultError`: see the module's page.
 *
 * @see https://man7.org/linux/man-pages/man2/futex.2.html
 *
 * @example
 * ```ts
 * import { MmapRegion } from "@mmap/mmap";
 * import { Futex } from "@mmap/mmap/sync";
 * import { assertEquals } from "@std/assert";
 *
 * using region = MmapRegion.anonymous(4096);
 * const futex = new Futex(region);
 * const waiting = futex.wait(0);
 * futex.store(1);
 * futex.wake();
 * assertEquals(await waiting, "ok");
 * assertEquals(await futex.wait(0), "not-equal");
 * ```
 */
export class Futex {
  /** The memory that a futex takes, in bytes. */
  static readonly byteLength: number = 64;

  readonly #words: Words;

  /**
   * The futex at a place; two objects at one place are one futex.
   *
   * @param memory a region with access "read-write"
   * @param byteOffset where it lies, a multiple of 64
   * @throws {RangeError} If the offset is not a multiple of 64, or the futex does not fit.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  constructor(memory: SyncMemory, byteOffset: number = 0) {
    this.#words = placeWords(memory, byteOffset, Futex.byteLength, "futex");
  }

  /** The result of an operation on the word, if the page of the word is there. */
  #checked<T>(result: T): T {
    this.#words.lossWatch.check();
    return result;
  }

  /** Reads the word atomically. */
  load(): number {
    return this.#checked(Atomics.load(this.#words.cells, 0));
  }

  /** Writes the word atomically. Wakes nobody. */
  store(value: number): void {
    Atomics.store(this.#words.cells, 0, value);
    this.#words.lossWatch.check();
  }

  /** Writes `value` if the word is `expected`, in one step. @returns the old value */
  compareExchange(expected: number, value: number): number {
    return this.#checked(Atomics.compareExchange(this.#words.cells, 0, expected, value));
  }

  /** Adds to the word, in one step; wraps around. @returns the old value */
  add(value: number): number {
    return this.#checked(Atomics.add(this.#words.cells, 0, value));
  }

  /**
   * Blocks this thread while the word is `expected`, until it is woken.
   *
   * @returns "not-equal" at once if the word has another value; "timed-out" if `timeoutMs` passes
   */
  waitSync(expected: number, options?: SyncWaitOptions): WaitResult {
    const { deadline } = patienceSync(options, "wait for futex");
    if (this.load() !== (expected | 0)) return "not-equal";
    const result = this.#words.waitSync(0, expected | 0, deadline - performance.now());
    this.load(); // the page may have been missing for the system, which shows only here
    return result;
  }

  /**
   * As {@linkcode waitSync}, without blocking the event loop. Change the word before you wake: a
   * wake-up without a change may go unnoticed.
   *
   * @throws the signal's reason, if it is aborted.
   */
  async wait(expected: number, options?: WaitOptions): Promise<WaitResult> {
    const { deadline, signal } = patience(options, "wait for futex");
    const leftMs = deadline - performance.now();
    return this.#checked(await this.#words.wait(0, expected | 0, leftMs, signal));
  }

  /**
   * Wakes waiters of all processes.
   *
   * @param count at most how many, default 1
   * @returns how many were woken; the awaited waits of one isolate may count as one
   * @throws {RangeError} If `count` is not a whole number of at least 1.
   */
  wake(count: number = 1): number {
    const most = Math.min(wholeNumber(count, "count", "wake futex", 1), 0x7fffffff);
    const woken = this.#words.wake(0, most);
    this.load(); // waking alone does not touch the page, so a loss would go unnoticed
    return woken;
  }
}
