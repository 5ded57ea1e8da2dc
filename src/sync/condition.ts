/** Waiting for what a mutex protects to change. */

import { type Attempt, attemptAsync, attemptSync } from "../wait/attempt.ts";
import { wholeNumber } from "../check/numbers.ts";
import { LockAttempt } from "../wait/lock_attempt.ts";
import { lockOf, type MutexGuard, setHeld } from "./mutex.ts";
import {
  FOR_EVER,
  patience,
  patienceSync,
  type SyncWaitOptions,
  type WaitOptions,
} from "../wait/patience.ts";
import { placeWords, type SyncMemory } from "../wait/place.ts";
import type { RobustWord } from "../wait/robust_word.ts";
import { Sleepers } from "../wait/sleepers.ts";
import { EVERYBODY, type Words } from "../wait/words.ts";

const SEQUENCE = 0;
const WAITERS = 1;

/**
 * A condition variable: the holder of a mutex gives it up, waits to be notified, and holds it again.
 *
 * It takes 64 bytes of a region, at a multiple of 64; all-zero memory is its initial state. A wait
 * may end spuriously: wait in a loop, until the condition is true. Whenever a wait returns or
 * throws, the mutex is held again.
 *
 * | word | what | written by |
 * |---|---|---|
 * | 0 | counts the notifications | notifiers |
 * | 1 | how many may sleep; too many after a death, which costs a system call | waiters |
 *
 * Once a page of its memory was lost, every operation throws `MappingFaultError`: see the module's page.
 *
 * @example
 * ```ts ignore
 * using guard = mutex.lockSync();
 * while (queue.length === 0) notEmpty.waitSync(guard);
 * ```
 */
export class Condition {
  /** The memory that a condition takes, in bytes. */
  static readonly byteLength: number = 64;

  readonly #words: Words;

  /**
   * The condition at a place; two objects at one place are one condition.
   *
   * @param memory a region with access "read-write"
   * @param byteOffset where it lies, a multiple of 64
   * @throws {RangeError} If the offset is not a multiple of 64, or the condition does not fit.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  constructor(memory: SyncMemory, byteOffset: number = 0) {
    this.#words = placeWords(memory, byteOffset, Condition.byteLength, "condition");
  }

  /**
   * Gives the mutex up and blocks this thread until it is notified; then takes the mutex again, which
   * may take longer than `timeoutMs`.
   *
   * @param guard the guard of the held mutex; its `ownerDied` becomes true if another holder died
   * meanwhile
   * @throws {Deno.errors.TimedOut} If `timeoutMs` passes.
   * @throws {TypeError} If the guard holds no mutex.
   */
  waitSync(guard: MutexGuard, options?: SyncWaitOptions): void {
    const limits = patienceSync(options, "wait for condition");
    const { word, attempt } = this.#begin(guard);
    try {
      attemptSync(attempt, limits);
    } finally {
      const taken = attemptSync(new LockAttempt(word, "lock mutex"), FOR_EVER);
      setHeld(guard, true, taken === "recovered");
    }
  }

  /**
   * As {@linkcode waitSync}, without blocking the event loop.
   *
   * @throws {Deno.errors.TimedOut} If `timeoutMs` passes.
   * @throws the signal's reason, if it is aborted.
   * @throws {TypeError} If the guard holds no mutex.
   */
  async wait(guard: MutexGuard, options?: WaitOptions): Promise<void> {
    const limits = patience(options, "wait for condition");
    const { word, attempt } = this.#begin(guard);
    try {
      await attemptAsync(attempt, limits);
    } finally {
      const taken = await attemptAsync(new LockAttempt(word, "lock mutex"), FOR_EVER);
      setHeld(guard, true, taken === "recovered");
    }
  }

  /** Announces the wait and gives the mutex up: every later notification is seen. */
  #begin(guard: MutexGuard): { word: RobustWord; attempt: NotifiedAttempt } {
    const word = lockOf(guard);
    word?.words.lossWatch.check();
    if (word === undefined) {
      throw new TypeError("Cannot wait for condition as the guard must hold a mutex");
    }
    const attempt = new NotifiedAttempt(this.#words);
    try {
      this.#words.lossWatch.check(); // while the mutex is still held
      word.release();
    } catch (error) {
      attempt.cancel();
      throw error;
    }
    setHeld(guard, false, false);
    return { word, attempt };
  }

  /**
   * Wakes waiters, if there are any.
   *
   * @param count at least how many, default 1
   * @throws {RangeError} If `count` is not a whole number of at least 1.
   */
  notify(count: number = 1): void {
    const woken = wholeNumber(count, "count", "notify condition", 1);
    const { cells } = this.#words;
    // Pairs with the load in NotifiedAttempt: a waiter that read the old sequence sees that it has
    // changed.
    Atomics.add(cells, SEQUENCE, 1);
    if (Atomics.load(cells, WAITERS) !== 0) this.#words.wake(SEQUENCE, Math.min(woken, EVERYBODY));
    this.#words.lossWatch.check();
  }

  /** Wakes all waiters. */
  notifyAll(): void {
    this.notify(EVERYBODY);
  }
}

/** Waits until the sequence differs from its value when this was made, under the mutex. */
class NotifiedAttempt implements Attempt<true> {
  readonly words: Words;
  readonly action = "wait for condition";
  readonly index = SEQUENCE;
  readonly expected: number;
  readonly #sleepers: Sleepers;

  constructor(words: Words) {
    this.words = words;
    this.#sleepers = new Sleepers(words, WAITERS);
    this.#sleepers.announce();
    this.expected = Atomics.load(words.cells, SEQUENCE);
  }

  attempt(): true | undefined {
    if (Atomics.load(this.words.cells, SEQUENCE) === this.expected) return undefined;
    this.#sleepers.leave();
    return true;
  }

  prepare(): true | undefined {
    return this.attempt();
  }

  cancel(): true | undefined {
    if (this.attempt()) return true;
    this.#sleepers.leave();
    return undefined;
  }
}
