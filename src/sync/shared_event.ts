/** An event that has happened, or not yet. */

import { checkOptions, flag, type Names } from "../check/options.ts";
import { type Attempt, attemptAsync, attemptSync } from "../wait/attempt.ts";
import { damaged } from "../wait/damage.ts";
import {
  patience,
  patienceSync,
  type SyncWaitOptions,
  type WaitOptions,
} from "../wait/patience.ts";
import { placeWords, type SyncMemory } from "../wait/place.ts";
import { Sleepers } from "../wait/sleepers.ts";
import { EVERYBODY, type Words } from "../wait/words.ts";

const STATE = 0;
const WAITERS = 1;

/** Options of {@linkcode SharedEvent}. */
export interface SharedEventOptions {
  /**
   * false: once set, it lets everybody pass until it is reset. true: it lets one pass and resets
   * itself; if it was set twice, it still lets only one pass.
   * @default {false}
   */
  autoReset?: boolean;
}

const EVENT: Names<SharedEventOptions> = { autoReset: true };

/** The option. @throws {TypeError} If an option is unknown or of another type. */
export function autoResetFrom(action: string, options: SharedEventOptions = {}): boolean {
  checkOptions(options, EVENT, action);
  return flag(options.autoReset, "autoReset", action, false);
}

/**
 * An event that processes wait for. All-zero memory is an event that is not set.
 *
 * It takes 64 bytes of a region, at a multiple of 64. Every process has to give the same
 * `autoReset`. If a waiter dies before it takes an auto-reset event, another waiter gets the event.
 *
 * | word | what | written by |
 * |---|---|---|
 * | 0 | 1: set | `set`, `reset`, and a waiter of an auto-reset event |
 * | 1 | how many may sleep; too many after a death, which costs a system call | waiters |
 *
 * Once a page of its memory was lost, every operation throws `MappingFaultError`: see the module's page.
 *
 * @example
 * ```ts
 * import { MmapRegion } from "@mmap/mmap";
 * import { SharedEvent } from "@mmap/mmap/sync";
 * import { assert } from "@std/assert";
 *
 * using region = MmapRegion.anonymous(4096);
 * const ready = new SharedEvent(region);
 * ready.set();
 * await ready.wait();
 * assert(ready.isSet);
 * ```
 */
export class SharedEvent {
  /** The memory that an event takes, in bytes. */
  static readonly byteLength: number = 64;

  readonly #words: Words;
  readonly #autoReset: boolean;

  /**
   * The event at a place; two objects at one place are one event.
   *
   * @param memory a region with access "read-write"
   * @param byteOffset where it lies, a multiple of 64
   * @throws {TypeError} If an option is unknown, or is not a boolean.
   * @throws {RangeError} If the offset is not a multiple of 64, or the event does not fit.
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  constructor(memory: SyncMemory, byteOffset: number = 0, options: SharedEventOptions = {}) {
    this.#autoReset = autoResetFrom("place event", options);
    this.#words = placeWords(memory, byteOffset, SharedEvent.byteLength, "event");
  }

  /** Whether it is set. By the time this returns, that may have changed. */
  get isSet(): boolean {
    const { cells, lossWatch } = this.#words;
    const set = isSet(Atomics.load(cells, STATE));
    lossWatch.check();
    return set;
  }

  /** Sets it and wakes waiters: one for an auto-reset event, otherwise all. */
  set(): void {
    const { cells, lossWatch } = this.#words;
    // Pairs with the load or the exchange in `pass`.
    Atomics.store(cells, STATE, 1);
    // After the store: a waiter announces itself before its last look.
    if (Atomics.load(cells, WAITERS) !== 0) {
      this.#words.wake(STATE, this.#autoReset ? 1 : EVERYBODY);
    }
    lossWatch.check();
  }

  /** Resets it. Waiters that have not passed yet keep waiting. */
  reset(): void {
    const { cells, lossWatch } = this.#words;
    Atomics.store(cells, STATE, 0);
    lossWatch.check();
  }

  /**
   * Blocks this thread until it is set.
   *
   * @throws {Deno.errors.TimedOut} If `timeoutMs` passes.
   */
  waitSync(options?: SyncWaitOptions): void {
    attemptSync(
      new PassAttempt(this.#words, this.#autoReset),
      patienceSync(options, "wait for event"),
    );
  }

  /**
   * Waits until it is set, without blocking the event loop.
   *
   * @throws {Deno.errors.TimedOut} If `timeoutMs` passes.
   * @throws the signal's reason, if it is aborted.
   */
  async wait(options?: WaitOptions): Promise<void> {
    const limits = patience(options, "wait for event");
    await attemptAsync(new PassAttempt(this.#words, this.#autoReset), limits);
  }
}

/** @throws {Deno.errors.InvalidData} If an event cannot have that state. */
function isSet(state: number): boolean {
  if (state === 0 || state === 1) return state === 1;
  throw damaged("event", state);
}

/** Passes a set event. */
export class PassAttempt implements Attempt<true> {
  readonly words: Words;
  readonly action = "wait for event";
  readonly index = STATE;
  readonly expected = 0;
  readonly #autoReset: boolean;
  readonly #sleepers: Sleepers;

  constructor(words: Words, autoReset: boolean) {
    this.words = words;
    this.#autoReset = autoReset;
    this.#sleepers = new Sleepers(words, WAITERS);
  }

  attempt(): true | undefined {
    const { cells } = this.words;
    // An exchange, so that only one waiter gets an auto-reset event.
    const state = this.#autoReset
      ? Atomics.compareExchange(cells, STATE, 1, 0)
      : Atomics.load(cells, STATE);
    return isSet(state) || undefined;
  }

  prepare(): true | undefined {
    // Announced before the last look: either this look finds the event, or `set` sees the
    // announcement.
    this.#sleepers.announce();
    if (!this.attempt()) return undefined;
    this.#sleepers.leave();
    return true;
  }

  cancel(): undefined {
    this.#sleepers.leave();
    // Passes on the wake-up for an event that this waiter will not take.
    if (Atomics.load(this.words.cells, STATE) === 1) this.words.wake(STATE, 1);
  }
}
