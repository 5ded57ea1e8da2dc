/** A lock that one isolate holds at a time. */

import { attemptAsync, attemptSync } from "../wait/attempt.ts";
import type { LockHolder } from "../wait/holder.ts";
import { LockAttempt } from "../wait/lock_attempt.ts";
import { holderAt } from "../wait/lock_holder.ts";
import {
  patience,
  patienceSync,
  type SyncWaitOptions,
  type WaitOptions,
} from "../wait/patience.ts";
import { placeWords, type SyncMemory } from "../wait/place.ts";
import { RobustWord } from "../wait/robust_word.ts";

/** A held {@linkcode Mutex}; disposing it unlocks. */
export interface MutexGuard extends Disposable {
  /** Whether the last holder died with the lock: what it protects may be half-changed. */
  readonly ownerDied: boolean;
  /**
   * Gives the lock back. A second call does nothing.
   *
   * @throws {Deno.errors.BadResource} If the region was closed: that has given the lock up already,
   * as a death does.
   */
  unlock(): void;
}

/** The lock word of a mutex, for {@linkcode Condition}. */
export let lockOf: (guard: MutexGuard) => RobustWord | undefined;
/** Marks a guard as holding its lock again, or not. */
export let setHeld: (guard: MutexGuard, held: boolean, ownerDied: boolean) => void;

/** Stands for the epoch of a guard that holds nothing. */
const NOT_HELD = -1;

/** The guard of all exclusive locks. */
export class ExclusiveGuard implements MutexGuard {
  readonly #word: RobustWord;
  readonly #wakeCount: number;
  #ownerDied: boolean;
  /** The loss epoch in which the word was taken, for `release`. */
  #epoch: number;

  static {
    // Only for a mutex: the word of an RwLock is only a part of its lock for writing.
    lockOf = (guard) =>
      #word in guard && guard.#isHeld && guard.#wakeCount === 1 ? guard.#word : undefined;
    setHeld = (guard, held, ownerDied) => {
      if (!(#word in guard)) return;
      guard.#epoch = held ? guard.#word.epoch : NOT_HELD;
      guard.#ownerDied ||= ownerDied;
    };
  }

  /** Made by the lock. */
  constructor(word: RobustWord, ownerDied: boolean, wakeCount = 1) {
    this.#word = word;
    this.#wakeCount = wakeCount;
    this.#ownerDied = ownerDied;
    this.#epoch = word.epoch;
  }

  /** Whether the lock is held: it is given up if its memory is lost. */
  get #isHeld(): boolean {
    return this.#epoch === this.#word.words.lossWatch.epoch;
  }

  /** Whether the last holder died holding the lock. */
  get ownerDied(): boolean {
    return this.#ownerDied;
  }

  /** Gives the lock back. A second call does nothing. */
  unlock(): void {
    const epoch = this.#epoch;
    if (epoch === NOT_HELD) return;
    this.#epoch = NOT_HELD;
    this.#word.release(this.#wakeCount, epoch);
  }

  /** As {@linkcode unlock}, for `using`. */
  [Symbol.dispose](): void {
    this.unlock();
  }
}

/**
 * A lock that one isolate, of any process, holds at a time; a holder that dies gives it up.
 *
 * It takes 64 bytes of a region, at a multiple of 64; all-zero memory is an unlocked mutex. Taking
 * and giving back a free mutex are a few atomic operations, without a system call. The order of
 * waiters is not guaranteed.
 *
 * The holder is the isolate: the main program or a Worker. If it ends without unlocking, for
 * whatever reason, the next holder gets the lock with `ownerDied: true`, within 60 ms if it waits
 * already. A stopped or slow holder keeps the lock. Processes may be in any namespaces and belong
 * to any users.
 *
 * | word | what |
 * |---|---|
 * | 0 | the lock word: see `robust_word.ts` |
 * | 1 | the fingerprint beside it |
 *
 * Once a page of its memory was lost, every operation throws `MappingFaultError`: see the module's page.
 *
 * @example Counting together
 * ```ts
 * import { MmapRegion } from "@mmap/mmap";
 * import { Mutex } from "@mmap/mmap/sync";
 * import { assertEquals } from "@std/assert";
 *
 * using region = MmapRegion.anonymous(4096); // children: MmapRegion.fromEnv()
 * const mutex = new Mutex(region, 0);
 * const counter = region.view(Float64Array, 64, 1);
 * {
 *   using _guard = mutex.lockSync();
 *   counter[0]! += 1;
 * }
 * assertEquals(counter[0], 1);
 * ```
 */
export class Mutex {
  /** The memory that a mutex takes, in bytes. */
  static readonly byteLength: number = 64;

  readonly #word: RobustWord;

  /**
   * The mutex at a place; two objects at one place are one mutex.
   *
   * @param memory a region with access "read-write"
   * @param byteOffset where it lies, a multiple of 64
   * @throws {RangeError} If the offset is not a multiple of 64, or the mutex does not fit.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  constructor(memory: SyncMemory, byteOffset: number = 0) {
    const words = placeWords(memory, byteOffset, Mutex.byteLength, "mutex");
    this.#word = new RobustWord(words, 0);
  }

  /** Whether somebody holds it. By the time this returns, that may have changed. */
  get locked(): boolean {
    const locked = this.#word.holder !== 0;
    this.#word.words.lossWatch.check();
    return locked;
  }

  /**
   * The holder; null if nobody holds the mutex. By the time this returns, that may have changed: lock
   * to be sure.
   *
   * @throws {Deno.errors.InvalidData} If the mutex is damaged.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  get holder(): LockHolder | null {
    return holderAt(this.#word.words, this.#word.index) ?? null;
  }

  /**
   * Locks, and blocks this thread as long as another isolate holds the lock. The first lock through
   * a region opens a descriptor, which shows others that this isolate is alive. So it may throw the
   * errors of `open` and `fcntl`, such as EMFILE, and then nothing has changed.
   *
   * @throws {Deno.errors.TimedOut} If `timeoutMs` passes.
   * @throws {Deno.errors.Busy} If this isolate holds it and there is no `timeoutMs`: it would wait
   * for itself for ever. Or if another program has locked all of the file (fcntl).
   * @throws {Deno.errors.NotSupported} If the system offers no way to tell who is alive: see the
   * documentation.
   * @throws {Deno.errors.InvalidData} If the mutex is damaged.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  lockSync(options?: SyncWaitOptions): MutexGuard {
    if (options === undefined && this.#word.tryTake()) return new ExclusiveGuard(this.#word, false);
    const limits = patienceSync(options, "lock mutex");
    if (limits.deadline === Infinity && this.#word.isOwn) {
      throw new Deno.errors.Busy(
        "Cannot lock mutex: this isolate holds it, and blocking would never end",
      );
    }
    const taken = attemptSync(new LockAttempt(this.#word, "lock mutex"), limits);
    return new ExclusiveGuard(this.#word, taken === "recovered");
  }

  /**
   * Locks, without blocking the event loop.
   *
   * @throws {Deno.errors.TimedOut} If `timeoutMs` passes.
   * @throws the signal's reason, if it is aborted.
   * @throws {Deno.errors.InvalidData} If the mutex is damaged.
   * @throws {Deno.errors.BadResource} If the region is closed, also while this waits.
   */
  async lock(options?: WaitOptions): Promise<MutexGuard> {
    const limits = patience(options, "lock mutex");
    const taken = await attemptAsync(new LockAttempt(this.#word, "lock mutex"), limits);
    return new ExclusiveGuard(this.#word, taken === "recovered");
  }

  /**
   * Locks without waiting: if nobody holds the lock, or its holder is dead.
   *
   * @returns null if it is held
   * @throws {Deno.errors.InvalidData} If the mutex is damaged.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  tryLock(): MutexGuard | null {
    if (this.#word.tryTake()) return new ExclusiveGuard(this.#word, false);
    const taken = this.#word.takeNow();
    return taken ? new ExclusiveGuard(this.#word, taken === "recovered") : null;
  }
}
