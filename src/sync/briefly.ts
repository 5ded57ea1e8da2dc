/** A lock word for a few operations. */

import { attemptSync } from "./attempt.ts";
import { LockAttempt } from "./mutex.ts";
import type { RobustWord } from "./robust_word.ts";

const FOR_EVER = { deadline: Infinity, signal: undefined };

/** Runs `action` under the lock. It is held so briefly that waiting for it is no blocking. */
export function briefly<T>(lock: RobustWord, name: string, action: () => T): T {
  attemptSync(new LockAttempt(lock, name), FOR_EVER);
  try {
    return action();
  } finally {
    lock.release();
  }
}
