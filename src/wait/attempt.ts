/**
 * A caller's attempt at an operation that may have to wait, and the two ways to wait: blocking and
 * awaited.
 */

import { type Patience, timedOut } from "./patience.ts";
import { Spinner } from "./spinner.ts";
import type { Words } from "./words.ts";

/**
 * An attempt at an operation of a primitive. No member waits: `prepare` either succeeds, or leaves
 * the word to wait for in `index` and `expected`. So the same algorithm serves the blocking and the
 * awaited call, and a test can drive it step by step.
 */
export interface Attempt<T> {
  readonly words: Words;
  /** What fails, for messages: "lock mutex". */
  readonly action: string;
  /** Wait on this word of `words` ... */
  readonly index: number;
  /** ... as long as it has this value. */
  readonly expected: number;
  /** Tries once, and leaves no trace if it fails. */
  attempt(): T | undefined;
  /**
   * Tries. If that fails, it announces that this thread sleeps, so that somebody wakes it.
   *
   * @param thorough also check whether the holders in the way are dead, which costs system calls
   * @returns undefined if the caller has to wait
   */
  prepare(thorough: boolean): T | undefined;
  /**
   * Gives up, also after an error. This gives back everything that was taken so far, and passes a
   * wake-up that was meant for this waiter on to another one. It is called once at most.
   *
   * @returns a result that came at the last moment, if it holds nothing that must be given back
   */
  cancel(): T | undefined;
}

/**
 * The longest single wait. After each one, the waiter checks whether the holder has died, and
 * whether a wake-up was lost with a waiter that died before using it.
 */
const SLICE_MS = 30;

/** The default spinner: the holder of a lock often gives it back within a microsecond. */
const LOCK_SPINNER = new Spinner({ most: 100 });

/**
 * Blocks until the attempt succeeds.
 *
 * @param spinner spins before the first sleep; null: do not spin
 * @throws {Deno.errors.TimedOut}
 */
export function attemptSync<T>(
  attempt: Attempt<T>,
  patience: Patience,
  spinner: Spinner | null = LOCK_SPINNER,
): T {
  try {
    const early = spinner?.spin(attempt);
    return early === undefined ? untilSync(attempt, patience) : checked(attempt, early) as T;
  } catch (error) {
    return new Cancelling(attempt).instead(error);
  }
}

function untilSync<T>(attempt: Attempt<T>, patience: Patience): T {
  let thorough = true;
  while (true) {
    const result = checked(attempt, attempt.prepare(thorough));
    if (result !== undefined) return result;
    const leftMs = timeLeft(patience);
    if (leftMs <= 0) timedOut(attempt.action);
    const { words, index, expected } = attempt;
    thorough = words.waitSync(index, expected, Math.min(leftMs, SLICE_MS)) === "timed-out";
  }
}

/**
 * Waits until the attempt succeeds, without blocking. If its memory is closed meanwhile, the
 * attempt is given up right before that.
 *
 * @throws {Deno.errors.TimedOut}
 * @throws the signal's reason
 */
export async function attemptAsync<T>(attempt: Attempt<T>, patience: Patience): Promise<T> {
  const cancelling = new Cancelling(attempt);
  try {
    const early = checked(attempt, attempt.prepare(true));
    if (early !== undefined) return early;
  } catch (error) {
    return cancelling.instead(error);
  }
  const callOff = attempt.words.beforeEnd(() => cancelling.run());
  try {
    return await until(attempt, patience, cancelling);
  } finally {
    callOff();
  }
}

/** Waits and tries until the attempt succeeds. */
async function until<T>(
  attempt: Attempt<T>,
  patience: Patience,
  cancelling: Cancelling<T>,
): Promise<T> {
  try {
    while (true) {
      const leftMs = timeLeft(patience);
      if (leftMs <= 0) timedOut(attempt.action);
      const { words, index, expected } = attempt;
      const ended = await words.wait(index, expected, Math.min(leftMs, SLICE_MS), patience.signal);
      const result = checked(attempt, attempt.prepare(ended === "timed-out"));
      if (result === undefined) continue;
      cancelling.over = true;
      return result;
    }
  } catch (error) {
    return cancelling.instead(error);
  }
}

/** Cancels an attempt without a result, once only, whatever ended it. */
class Cancelling<T> {
  readonly #attempt: Attempt<T>;
  #late: T | undefined;
  /** Whether the attempt is over, so that there is nothing to cancel. */
  over = false;

  constructor(attempt: Attempt<T>) {
    this.#attempt = attempt;
  }

  run(): void {
    if (this.over) return;
    this.over = true;
    try {
      this.#late = this.#attempt.cancel();
    } catch {
      // The caller gets the error that ended the attempt, not one that followed.
    }
  }

  /** The result that came at the last moment. @throws `error`, if there is no such result */
  instead(error: unknown): T {
    this.run();
    if (this.#late === undefined) throw error;
    return this.#late;
  }
}

/**
 * The result of an attempt, if its memory is intact.
 *
 * @throws {MappingFaultError} If a page was lost; what the attempt had taken is then given up.
 */
function checked<T>({ words }: Attempt<T>, result: T | undefined): T | undefined {
  words.lossWatch.check();
  return result;
}

/** In milliseconds. Most waits have no deadline, and need not read the clock. */
function timeLeft({ deadline }: Patience): number {
  return deadline === Infinity ? Infinity : deadline - performance.now();
}
