/** Something that happens once, in one process of all. */

import { callable } from "../check/options.ts";
import { attemptAsync, attemptSync } from "../wait/attempt.ts";
import { damaged } from "../wait/damage.ts";
import { LockAttempt } from "../wait/lock_attempt.ts";
import {
  patience,
  patienceSync,
  type SyncWaitOptions,
  type WaitOptions,
} from "../wait/patience.ts";
import { placeWords, type SyncMemory } from "../wait/place.ts";
import { RobustWord } from "../wait/robust_word.ts";

const LOCK = 0;
export const DONE = 2;

/**
 * Runs a function once, in the process that comes first; the others wait until it is done.
 *
 * It takes 64 bytes of a region, at a multiple of 64; all-zero memory is "not done". If the function
 * throws, or its process dies, the next caller runs it.
 *
 * | word | what | written by |
 * |---|---|---|
 * | 0, 1 | the lock word of the runner: see `robust_word.ts` | runner |
 * | 2 | 1: done | runner, under the lock |
 *
 * Once a page of its memory was lost, every operation throws `MappingFaultError`: see the module's page.
 *
 * @example
 * ```ts
 * import { MmapRegion } from "@mmap/mmap";
 * import { Once } from "@mmap/mmap/sync";
 * import { assert } from "@std/assert";
 *
 * using region = MmapRegion.anonymous(4096);
 * const once = new Once(region);
 * assert(once.runSync(() => region.bytes.fill(1, 64)));
 * assert(!once.runSync(() => region.bytes.fill(2, 64)));
 * ```
 */
export class Once {
  /** The memory that it takes, in bytes. */
  static readonly byteLength: number = 64;

  readonly #word: RobustWord;

  /**
   * The `Once` at a place; two objects at one place are one `Once`.
   *
   * @param memory a region with access "read-write"
   * @param byteOffset where it lies, a multiple of 64
   * @throws {RangeError} If the offset is not a multiple of 64, or it does not fit.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  constructor(memory: SyncMemory, byteOffset: number = 0) {
    this.#word = new RobustWord(placeWords(memory, byteOffset, Once.byteLength, "once"), LOCK);
  }

  get #done(): boolean {
    const { cells, lossWatch } = this.#word.words;
    // Pairs with the store in `#setDone`: a thread that sees 1 sees everything that the function
    // did.
    const done = Atomics.load(cells, DONE);
    lossWatch.check();
    if (done === 0 || done === 1) return done === 1;
    throw damaged("once", done);
  }

  #setDone(): void {
    const { cells, lossWatch } = this.#word.words;
    Atomics.store(cells, DONE, 1);
    lossWatch.check();
  }

  /**
   * Runs `fn` if no process has run it, and blocks this thread while another one runs it.
   *
   * @returns true for who ran it
   * @throws what `fn` throws
   * @throws {TypeError} If `fn` is not a function.
   * @throws {Deno.errors.TimedOut} If `timeoutMs` passes while another one runs it.
   * @throws {Deno.errors.Busy} If this isolate is running it: it would wait for itself for ever.
   */
  runSync(fn: () => void, options?: SyncWaitOptions): boolean {
    callable(fn, "fn", "run once");
    const limits = patienceSync(options, "run once");
    if (this.#done) return false;
    if (limits.deadline === Infinity && this.#word.isOwn) {
      throw new Deno.errors.Busy(
        "Cannot run once: this isolate is running it, and blocking would never end",
      );
    }
    attemptSync(new LockAttempt(this.#word, "run once"), limits);
    const release = this.#hold();
    try {
      if (this.#done) return false;
      fn();
      this.#setDone();
      return true;
    } finally {
      release();
    }
  }

  /**
   * As {@linkcode runSync}, without blocking the event loop; `fn` may be asynchronous.
   *
   * @returns true for who ran it
   * @throws what `fn` throws
   * @throws {TypeError} If `fn` is not a function.
   * @throws {Deno.errors.TimedOut} If `timeoutMs` passes while another one runs it.
   * @throws the signal's reason, if it is aborted.
   */
  async run(fn: () => Promise<void> | void, options?: WaitOptions): Promise<boolean> {
    callable(fn, "fn", "run once");
    const limits = patience(options, "run once");
    if (this.#done) return false;
    await attemptAsync(new LockAttempt(this.#word, "run once"), limits);
    const release = this.#hold();
    try {
      if (this.#done) return false;
      await fn();
      this.#setDone();
      return true;
    } finally {
      release();
    }
  }

  /**
   * Keeps the word, which is held. @returns a function that gives it back; closing the region calls
   * it too
   */
  #hold(): () => void {
    let held = true;
    const giveBack = (): void => {
      if (held) this.#word.release();
      held = false;
    };
    const callOff = this.#word.words.beforeEnd(giveBack);
    return () => {
      callOff();
      giveBack();
    };
  }
}
