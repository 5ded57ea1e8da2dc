/** A meeting point of several processes. */

import { type Attempt, attemptAsync, attemptSync } from "../wait/attempt.ts";
import { withLock } from "../wait/lock_attempt.ts";
import { Members } from "../wait/members.ts";
import { wholeNumber } from "../check/numbers.ts";
import {
  patience,
  patienceSync,
  type SyncWaitOptions,
  type WaitOptions,
} from "../wait/patience.ts";
import { placeWords, type SyncMemory } from "../wait/place.ts";
import { RobustWord } from "../wait/robust_word.ts";
import { EVERYBODY, type Words } from "../wait/words.ts";

const LOCK = 0;
export const ROUND = 2;
export const LIST_ROUND = 3;
export const FIRST_MEMBER = 16;
const BYTE_LENGTH = 1024;
/** The longest wait for the lock when a region is closed; it is held for microseconds. */
const LEAVE_MS = 1000;
const MOST_PARTIES = (BYTE_LENGTH / 4 - FIRST_MEMBER) / 2;

/** Checks a number of parties. @throws {RangeError} If no barrier can have so many. */
export function partiesFrom(parties: unknown, action: string): number {
  return wholeNumber(parties, "parties", action, 1, MOST_PARTIES);
}

/**
 * A barrier: every party waits until all have come; then all go on, and the next round begins.
 *
 * It takes 1024 bytes of a region, at a multiple of 64; all-zero memory is its initial state. Every
 * process has to give the same number of parties. A party that times out, is aborted, or dies while
 * it waits withdraws from the round, which then needs another party.
 *
 * | word | what | written by |
 * |---|---|---|
 * | 0, 1 | a lock word (`robust_word.ts`), held for the few operations of an arrival | parties |
 * | 2 | counts the rounds; waited on | whoever completes a round, under the lock |
 * | 3 | the round of the list; the list of another round is void | parties, under the lock |
 * | 15, 16... | those who have arrived (`members.ts`), 120 at most | parties, under the lock |
 *
 * Once a page of its memory was lost, every operation throws `MappingFaultError`: see the module's page.
 *
 * @example
 * ```ts
 * import { MmapRegion } from "@mmap/mmap";
 * import { Barrier } from "@mmap/mmap/sync";
 * import { assertEquals } from "@std/assert";
 *
 * using region = MmapRegion.anonymous(4096);
 * const barrier = new Barrier(region, 0, 2);
 * const results = await Promise.all([barrier.wait(), barrier.wait()]);
 * assertEquals(results.filter((isLeader) => isLeader).length, 1);
 * ```
 */
export class Barrier {
  /** The memory that a barrier takes, in bytes. */
  static readonly byteLength: number = BYTE_LENGTH;

  readonly #words: Words;
  readonly #parties: number;

  /**
   * The barrier at a place; two objects at one place are one barrier.
   *
   * @param memory a region with access "read-write"
   * @param byteOffset where it lies, a multiple of 64
   * @param parties how many have to come, 1 to 120
   * @throws {RangeError} If `parties` or the offset is out of range, or the barrier does not fit.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  constructor(memory: SyncMemory, byteOffset: number, parties: number) {
    this.#parties = partiesFrom(parties, "place barrier");
    this.#words = placeWords(memory, byteOffset, BYTE_LENGTH, "barrier");
  }

  /**
   * Blocks this thread until all parties have come.
   *
   * @returns true for exactly one of them
   * @throws {Deno.errors.TimedOut} If `timeoutMs` passes; the party then has withdrawn.
   */
  waitSync(options?: SyncWaitOptions): boolean {
    const limits = patienceSync(options, "wait for barrier");
    return attemptSync(new Arrival(this.#words, this.#parties), limits) === "leader";
  }

  /**
   * Waits until all parties have come, without blocking the event loop.
   *
   * @returns true for exactly one of them
   * @throws {Deno.errors.TimedOut} If `timeoutMs` passes; the party then has withdrawn.
   * @throws the signal's reason, if it is aborted; the party then has withdrawn.
   */
  async wait(options?: WaitOptions): Promise<boolean> {
    const limits = patience(options, "wait for barrier");
    return await attemptAsync(new Arrival(this.#words, this.#parties), limits) === "leader";
  }
}

/** One party's arrival. */
class Arrival implements Attempt<"leader" | "follower"> {
  readonly words: Words;
  readonly action = "wait for barrier";
  readonly index = ROUND;
  expected = 0;
  readonly #parties: number;
  readonly #lock: RobustWord;
  readonly #members: Members;
  /** This party's slot in the list; undefined before it has arrived. */
  #slot: number | undefined;

  constructor(words: Words, parties: number) {
    this.words = words;
    this.#parties = parties;
    this.#lock = new RobustWord(words, LOCK);
    this.#members = new Members(FIRST_MEMBER, words.threads);
  }

  attempt(): "follower" | undefined {
    if (this.#slot === undefined) return undefined;
    // Pairs with the add in `#arrive`: what all parties did before is seen by all after.
    return Atomics.load(this.words.cells, ROUND) === this.expected ? undefined : "follower";
  }

  prepare(): "leader" | "follower" | undefined {
    return this.#slot === undefined ? this.#locked(() => this.#arrive()) : this.attempt();
  }

  #arrive(): "leader" | undefined {
    const { cells } = this.words;
    this.expected = Atomics.load(cells, ROUND);
    if (cells[LIST_ROUND] !== this.expected) {
      // The list belongs to its round. So a party that dies while it completes a round leaves
      // either the old round unchanged, or the new one empty.
      this.#members.clear(cells);
      cells[LIST_ROUND] = this.expected;
    }
    if (this.#members.count(cells) + 1 >= this.#parties) {
      // The round is complete, unless a party has died since it came.
      this.#members.dropDead(cells);
      if (this.#members.count(cells) + 1 >= this.#parties) {
        Atomics.add(cells, ROUND, 1); // pairs with the load in `attempt`
        this.words.wake(ROUND, EVERYBODY);
        return "leader";
      }
    }
    this.#slot = this.#members.enter(cells);
    return undefined;
  }

  cancel(): "follower" | undefined {
    if (this.#slot === undefined) return undefined;
    try {
      return this.#locked(() => this.#withdraw(), LEAVE_MS);
    } catch (error) {
      if (!(error instanceof Deno.errors.TimedOut)) throw error;
      // A party was stopped in the middle of an arrival: nobody else can arrive meanwhile.
      return this.#withdraw();
    }
  }

  #withdraw(): "follower" | undefined {
    const passed = this.attempt();
    if (passed === undefined) this.#members.leave(this.words.cells, this.#slot!);
    return passed;
  }

  #locked<T>(action: () => T, timeoutMs?: number): T {
    return withLock(this.#lock, this.action, action, timeoutMs);
  }
}
