/** A lock word for a few operations. */

import { attemptSync } from "./attempt.ts";
import { LockAttempt } from "./mutex.ts";
import type { RobustWord } from "./robust_word.ts";

/**
 * Runs `action` under the lock. It is held so briefly that waiting for it is no blocking.
 *
 * @param timeoutMs by default it waits as long as it takes
 * @throws {Deno.errors.TimedOut}
 */
export function briefly<T>(
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
