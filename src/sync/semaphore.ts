/** A count of permits. */

import { type Attempt, attemptAsync, attemptSync } from "../wait/attempt.ts";
import { wholeNumber } from "../check/numbers.ts";
import { damaged } from "../wait/damage.ts";
import {
  patience,
  patienceSync,
  type SyncWaitOptions,
  type WaitOptions,
} from "../wait/patience.ts";
import { placeWords, type SyncMemory } from "../wait/place.ts";
import { Sleepers } from "../wait/sleepers.ts";
import type { Words } from "../wait/words.ts";

const COUNT = 0;
const WAITERS = 1;
const LARGEST_COUNT = 0x7fffffff;

/**
 * A count of permits, shared by all processes. It starts at 0: all-zero memory has no permits.
 *
 * It takes 64 bytes of a region, at a multiple of 64. If nobody waits, every call is a few atomic
 * operations, without a system call. A process that dies keeps the permits that it acquired: a
 * semaphore has no holders. A permit meant for a waiter that dies goes to another one.
 *
 * | word | what | written by |
 * |---|---|---|
 * | 0 | permits | `acquire` takes one, `release` adds |
 * | 1 | how many may sleep; too many after a death, which costs a system call | waiters |
 *
 * Once a page of its memory was lost, every operation throws `MappingFaultError`: see the module's page.
 *
 * @example
 * ```ts
 * import { MmapRegion } from "@mmap/mmap";
 * import { Semaphore } from "@mmap/mmap/sync";
 * import { assertEquals } from "@std/assert";
 *
 * using region = MmapRegion.anonymous(4096);
 * const semaphore = new Semaphore(region);
 * semaphore.release(2);
 * semaphore.acquireSync();
 * assertEquals(semaphore.count, 1);
 * ```
 */
export class Semaphore {
  /** The memory that a semaphore takes, in bytes. */
  static readonly byteLength: number = 64;

  readonly #words: Words;

  /**
   * The semaphore at a place; two objects at one place are one semaphore.
   *
   * @param memory a region with access "read-write"
   * @param byteOffset where it lies, a multiple of 64
   * @throws {RangeError} If the offset is not a multiple of 64, or the semaphore does not fit.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  constructor(memory: SyncMemory, byteOffset: number = 0) {
    this.#words = placeWords(memory, byteOffset, Semaphore.byteLength, "semaphore");
  }

  /** How many permits there are. By the time this returns, that may have changed. */
  get count(): number {
    const { cells, lossWatch } = this.#words;
    const count = countIn(cells);
    lossWatch.check();
    return count;
  }

  /**
   * Takes a permit, and blocks this thread as long as there is none.
   *
   * @throws {Deno.errors.TimedOut} If `timeoutMs` passes.
   */
  acquireSync(options?: SyncWaitOptions): void {
    if (options === undefined && this.tryAcquire()) return;
    attemptSync(new AcquireAttempt(this.#words), patienceSync(options, "acquire semaphore"));
  }

  /**
   * Takes a permit, without blocking the event loop.
   *
   * @throws {Deno.errors.TimedOut} If `timeoutMs` passes.
   * @throws the signal's reason, if it is aborted.
   */
  async acquire(options?: WaitOptions): Promise<void> {
    await attemptAsync(new AcquireAttempt(this.#words), patience(options, "acquire semaphore"));
  }

  /** Takes a permit if there is one. */
  tryAcquire(): boolean {
    const { cells, lossWatch } = this.#words;
    const taken = takeOne(cells);
    lossWatch.check();
    return taken;
  }

  /**
   * Adds permits and wakes as many waiters.
   *
   * @param count how many, default 1
   * @throws {RangeError} If `count` is not a whole number of at least 1, or there would be more than
   * 2^31 - 1.
   */
  release(count: number = 1): void {
    const added = wholeNumber(count, "count", "release semaphore", 1);
    const { cells, lossWatch } = this.#words;
    for (let there = countIn(cells);; there = countIn(cells)) {
      if (there + added > LARGEST_COUNT) {
        lossWatch.check();
        throw new RangeError(
          `Cannot release semaphore as it must have at most ${LARGEST_COUNT} permits: ` +
            `it has ${there}, and ${added} were to be added`,
        );
      }
      // Pairs with the exchange in `takeOne`: whoever gets the permit sees what the releaser wrote.
      if (Atomics.compareExchange(cells, COUNT, there, there + added) === there) break;
    }
    // After the permits are added: a waiter announces itself before its last look at them.
    if (Atomics.load(cells, WAITERS) !== 0) this.#words.wake(COUNT, added);
    lossWatch.check();
  }
}

/** @throws {Deno.errors.InvalidData} If a semaphore cannot have that count. */
function countIn(cells: Int32Array): number {
  const count = Atomics.load(cells, COUNT);
  if (count >= 0) return count;
  throw damaged("semaphore", count);
}

function takeOne(cells: Int32Array): boolean {
  for (let count = countIn(cells); count > 0; count = countIn(cells)) {
    // A load and a store would let two take one permit.
    if (Atomics.compareExchange(cells, COUNT, count, count - 1) === count) return true;
  }
  return false;
}

/** Takes a permit. */
export class AcquireAttempt implements Attempt<true> {
  readonly words: Words;
  readonly action = "acquire semaphore";
  readonly index = COUNT;
  readonly expected = 0;
  readonly #sleepers: Sleepers;

  constructor(words: Words) {
    this.words = words;
    this.#sleepers = new Sleepers(words, WAITERS);
  }

  attempt(): true | undefined {
    return takeOne(this.words.cells) || undefined;
  }

  prepare(): true | undefined {
    // Announced before the last look: either this look finds the permit, or the releaser sees the
    // announcement.
    this.#sleepers.announce();
    if (!takeOne(this.words.cells)) return undefined;
    this.#sleepers.leave();
    return true;
  }

  cancel(): undefined {
    this.#sleepers.leave();
    // Passes on the wake-up for a permit that this waiter will not take.
    if (Atomics.load(this.words.cells, COUNT) > 0) this.words.wake(COUNT, 1);
  }
}
