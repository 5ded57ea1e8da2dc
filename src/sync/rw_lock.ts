/** A lock that many hold for reading, or one for writing. */

import { attemptAsync, attemptSync } from "../wait/attempt.ts";
import { ExclusiveGuard, type MutexGuard } from "./mutex.ts";
import type { LockHolder } from "../wait/holder.ts";
import {
  type Patience,
  patience,
  patienceSync,
  type SyncWaitOptions,
  type WaitOptions,
} from "../wait/patience.ts";
import { placeWords, type SyncMemory } from "../wait/place.ts";
import type { Taken } from "../wait/robust_word.ts";
import {
  DrainAttempt,
  ReadAttempt,
  type ReadHold,
  RwWords,
  WriteAttempt,
} from "../wait/rw_words.ts";
import { EVERYBODY } from "../wait/words.ts";

/** An {@linkcode RwLock} held for writing; disposing it unlocks. */
export type WriteGuard = MutexGuard;

/** An {@linkcode RwLock} held for reading; disposing it unlocks. */
export interface ReadGuard extends MutexGuard {
  /**
   * Turns the lock into one for writing, and blocks this thread until the other readers have left.
   * Then this guard is given up. If the call throws, it still holds the lock for reading.
   *
   * @throws {Deno.errors.Busy} If somebody else is about to write: both would wait for each other.
   * Unlock, and lock for writing.
   * @throws {Deno.errors.TimedOut} If `timeoutMs` passes.
   */
  upgradeSync(options?: SyncWaitOptions): WriteGuard;
  /**
   * As {@linkcode upgradeSync}, without blocking the event loop.
   *
   * @throws {Deno.errors.Busy} If somebody else is about to write.
   * @throws {Deno.errors.TimedOut} If `timeoutMs` passes.
   * @throws the signal's reason, if it is aborted.
   */
  upgrade(options?: WaitOptions): Promise<WriteGuard>;
  /** Turns the lock into one for writing if this is the only reader. @returns null if it is not */
  tryUpgrade(): WriteGuard | null;
}

/**
 * A lock that many isolates, of any process, can hold for reading at a time, or one for writing. As
 * soon as somebody waits to write, no more readers get in.
 *
 * It takes 1024 bytes of a region, at a multiple of 64; all-zero memory is an unlocked lock. Taking
 * and giving back a free one are atomic operations, without a system call. Up to 120 isolates can
 * hold it for reading at a time; further ones wait. Processes may be in any namespaces and belong
 * to any users.
 *
 * If its memory is damaged, every call throws `Deno.errors.InvalidData` and holds nothing.
 *
 * A reader that dies is dropped. A writer that dies gives the lock up: whoever gets it next has
 * `ownerDied: true`, and so have all readers until somebody writes.
 *
 * Once a page of its memory was lost, every operation throws `MappingFaultError`: see the module's page.
 *
 * @example
 * ```ts
 * import { MmapRegion } from "@mmap/mmap";
 * import { RwLock } from "@mmap/mmap/sync";
 * import { assertEquals } from "@std/assert";
 *
 * using region = MmapRegion.anonymous(4096);
 * const lock = new RwLock(region);
 * {
 *   using _one = lock.readSync();
 *   using _other = lock.readSync();
 *   assertEquals(lock.tryWrite(), null);
 * }
 * using _writer = lock.writeSync();
 * ```
 */
export class RwLock {
  /** The memory that a lock takes, in bytes. */
  static readonly byteLength: number = RwWords.byteLength;

  readonly #words: RwWords;

  /**
   * The lock at a place; two objects at one place are one lock.
   *
   * @param memory a region with access "read-write"
   * @param byteOffset where it lies, a multiple of 64
   * @throws {RangeError} If the offset is not a multiple of 64, or the lock does not fit.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  constructor(memory: SyncMemory, byteOffset: number = 0) {
    this.#words = new RwWords(placeWords(memory, byteOffset, RwWords.byteLength, "lock"));
  }

  /**
   * The holders: all readers, or the writer. The array is empty if nobody holds the lock, and does
   * not contain waiting writers. By the time this returns, the holders may have changed.
   *
   * @throws {Deno.errors.InvalidData} If the lock is damaged.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  holders(): LockHolder[] {
    return this.#words.holders();
  }

  /**
   * Locks for reading, and blocks this thread as long as somebody writes or waits to.
   *
   * @throws {Deno.errors.TimedOut} If `timeoutMs` passes.
   * @throws {Deno.errors.Busy} If this isolate is writing and there is no `timeoutMs`.
   */
  readSync(options?: SyncWaitOptions): ReadGuard {
    if (options === undefined) {
      const hold = this.#words.tryRead();
      if (hold !== undefined) return new Reading(this.#words, hold);
    }
    const limits = patienceSync(options, "lock for reading");
    if (limits.deadline === Infinity && this.#words.writer.isOwn) throw blocksItself();
    return new Reading(this.#words, attemptSync(new ReadAttempt(this.#words), limits));
  }

  /**
   * Locks for reading, without blocking the event loop.
   *
   * @throws {Deno.errors.TimedOut} If `timeoutMs` passes.
   * @throws the signal's reason, if it is aborted.
   */
  async read(options?: WaitOptions): Promise<ReadGuard> {
    const limits = patience(options, "lock for reading");
    return new Reading(this.#words, await attemptAsync(new ReadAttempt(this.#words), limits));
  }

  /** Locks for reading without waiting. @returns null if somebody writes or waits to */
  tryRead(): ReadGuard | null {
    const hold = this.#words.readNow();
    if (hold !== undefined) return new Reading(this.#words, hold);
    this.#words.words.lossWatch.check();
    return null;
  }

  /**
   * Locks for writing, and blocks this thread as long as somebody else holds the lock.
   *
   * @throws {Deno.errors.TimedOut} If `timeoutMs` passes.
   * @throws {Deno.errors.Busy} If this isolate holds the lock and there is no `timeoutMs`.
   */
  writeSync(options?: SyncWaitOptions): WriteGuard {
    if (options === undefined && this.#words.tryWrite()) return writing(this.#words, "taken");
    const limits = patienceSync(options, "lock for writing");
    if (limits.deadline === Infinity && this.#words.isOwn) throw blocksItself();
    return writing(this.#words, attemptSync(new WriteAttempt(this.#words), limits));
  }

  /**
   * Locks for writing, without blocking the event loop.
   *
   * @throws {Deno.errors.TimedOut} If `timeoutMs` passes.
   * @throws the signal's reason, if it is aborted.
   */
  async write(options?: WaitOptions): Promise<WriteGuard> {
    const limits = patience(options, "lock for writing");
    return writing(this.#words, await attemptAsync(new WriteAttempt(this.#words), limits));
  }

  /** Locks for writing without waiting. @returns null if somebody else holds the lock */
  tryWrite(): WriteGuard | null {
    const taken = this.#words.writeNow();
    if (taken !== undefined) return writing(this.#words, taken);
    this.#words.words.lossWatch.check();
    return null;
  }
}

/** The guard of a lock for writing. A lock in a lost page does not count as taken. */
function writing(words: RwWords, taken: Taken): WriteGuard {
  const ownerDied = words.tellDeath(taken);
  words.words.lossWatch.check();
  return new ExclusiveGuard(words.writer, ownerDied, EVERYBODY);
}

function blocksItself(): Error {
  return new Deno.errors.Busy(
    "Cannot lock: this isolate holds the lock, and blocking would never end",
  );
}

/** A reader. */
class Reading implements ReadGuard {
  readonly #words: RwWords;
  readonly #slot: number;
  readonly ownerDied: boolean;
  readonly #epoch: number;
  #held = true;

  constructor(words: RwWords, { slot, ownerDied }: ReadHold) {
    this.#words = words;
    this.#slot = slot;
    this.ownerDied = ownerDied;
    const { lossWatch } = words.words;
    lossWatch.check();
    this.#epoch = lossWatch.epoch;
  }

  unlock(): void {
    if (!this.#held) return;
    this.#held = false;
    const { lossWatch } = this.#words.words;
    // If a page was lost since, the lock was given up, and somebody else may have the slot.
    if (this.#epoch === lossWatch.epoch) this.#words.leave(this.#slot);
    void lossWatch.intact;
  }

  [Symbol.dispose](): void {
    this.unlock();
  }

  upgradeSync(options?: SyncWaitOptions): WriteGuard {
    const limits = this.#begin(options, patienceSync);
    const drain = new DrainAttempt(this.#words, this.#takeWriter(), this.#slot);
    return this.#finish(attemptSync(drain, limits));
  }

  async upgrade(options?: WaitOptions): Promise<WriteGuard> {
    const limits = this.#begin(options, patience);
    const drain = new DrainAttempt(this.#words, this.#takeWriter(), this.#slot);
    return this.#finish(await attemptAsync(drain, limits));
  }

  tryUpgrade(): WriteGuard | null {
    if (!this.#held) throw notHeld();
    const taken = this.#words.writeNow(this.#slot);
    if (taken !== undefined) return this.#finish(taken);
    this.#words.words.lossWatch.check();
    return null;
  }

  #begin(options: WaitOptions | undefined, read: typeof patience): Patience {
    if (!this.#held) throw notHeld();
    return read(options, "upgrade lock");
  }

  /** This must not wait: the holder of the writer's word waits for this reader to leave. */
  #takeWriter(): Taken {
    const taken = this.#words.writer.takeNow();
    if (taken !== undefined) return taken;
    throw new Deno.errors.Busy("Cannot upgrade lock: somebody else is about to write");
  }

  #finish(taken: Taken): WriteGuard {
    this.unlock();
    return writing(this.#words, taken);
  }
}

function notHeld(): TypeError {
  return new TypeError("Cannot upgrade lock as the guard must hold it");
}
