/** Taking a lock word: once, or for as long as an action runs. */

import { type Attempt, attemptSync } from "./attempt.ts";
import type { RobustWord } from "./robust_word.ts";
import type { Words } from "./words.ts";

/** An attempt to take a lock word. */
export class LockAttempt implements Attempt<"taken" | "recovered"> {
  readonly action: string;
  readonly #word: RobustWord;
  #waited = false;

  constructor(word: RobustWord, action: string) {
    this.#word = word;
    this.action = action;
  }

  get words(): Words {
    return this.#word.words;
  }

  get index(): number {
    return this.#word.index;
  }

  get expected(): number {
    return this.#word.expected;
  }

  attempt(): "taken" | undefined {
    return this.#word.tryTake() ? "taken" : undefined;
  }

  prepare(thorough: boolean): "taken" | "recovered" | undefined {
    const taken = this.#word.takeOrWait(this.#waited, thorough);
    this.#waited = true;
    return taken;
  }

  cancel(): undefined {
    this.#word.passOn();
  }
}

/**
 * Runs `action` with the lock held. For actions of a few operations only, so that waiting for the
 * lock does not count as blocking.
 *
 * @param timeoutMs how long to wait for the lock; by default without limit
 * @throws {Deno.errors.TimedOut}
 */
export function withLock<T>(
  lock: RobustWord,
  name: string,
  action: () => T,
  timeoutMs: number = Infinity,
): T {
  const deadline = timeoutMs === Infinity ? Infinity : performance.now() + timeoutMs;
  attemptSync(new LockAttempt(lock, name), { deadline, signal: undefined });
  try {
    return action();
  } finally {
    lock.release();
  }
}
