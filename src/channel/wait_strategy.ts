/** How the blocking and the awaited calls of one object wait. */

import { type Attempt, attemptAsync, attemptSync } from "../wait/attempt.ts";
import { type Patience, timedOut } from "../wait/patience.ts";
import { Spinner } from "../wait/spinner.ts";
import { EventLoopYielder } from "./event_loop.ts";
import { CallQueue } from "./call_queue.ts";

/** How a blocking call waits. */
export type WaitMode = "adaptive" | "block" | "spin";

/**
 * The longest time that a call spins before it sleeps, in pauses. It is longer than a wake-up of
 * the other end, or two ends that wake each other would never find out that they need not sleep.
 */
export const MOST_PAUSES = 4096;

/** For calls that never sleep; `most` is the time between two looks at the clock, in pauses. */
const ENDLESS = new Spinner({ most: 1000, steady: true });

/** How often a spinning call checks whether the other side is dead, in milliseconds. */
const LOOK_MS = 50;

/** Awaited calls queue up. A blocking call does not wait for them. */
export class WaitStrategy {
  readonly #mode: WaitMode;
  /** Null if calls sleep at once. */
  readonly #spinner: Spinner | null;
  readonly #yielder = new EventLoopYielder();
  /** The awaited calls that are under way. */
  readonly calls = new CallQueue();

  /** @param longestBreak see {@linkcode Spinner} */
  constructor(mode: WaitMode, longestBreak: number) {
    this.#mode = mode;
    this.#spinner = mode === "block" ? null : new Spinner({ most: MOST_PAUSES, longestBreak });
  }

  /** Blocks until the attempt succeeds. @throws {Deno.errors.TimedOut} */
  waitSync<T>(attempt: Attempt<T>, patience: Patience): T {
    if (this.#mode === "spin") return spinSync(attempt, patience);
    return attemptSync(attempt, patience, this.#spinner);
  }

  /**
   * Waits until the calls before this one are done and its attempt succeeds, without blocking the
   * event loop.
   *
   * @param begin called when the calls before this one are done
   */
  wait<T>(action: string, patience: Patience, begin: () => Attempt<T>): Promise<T> {
    return this.calls.run(action, patience, async () => {
      const attempt = begin();
      const early = this.#spinner?.spin(attempt);
      if (early !== undefined) return await this.atOnce(early);
      const late = await attemptAsync(attempt, patience);
      this.#yielder.reset();
      return late;
    });
  }

  /** The result of an awaited call that did not wait: now and then the event loop runs first. */
  async atOnce<T>(result: T): Promise<T> {
    const due = this.#yielder.yieldIfDue();
    if (due !== undefined) await due;
    return result;
  }
}

/** Waits without ever sleeping. */
function spinSync<T>(attempt: Attempt<T>, { deadline }: Patience): T {
  let nextLook = performance.now() + LOOK_MS;
  while (true) {
    const early = ENDLESS.spin(attempt);
    if (early !== undefined) return early;
    const now = performance.now();
    if (now >= nextLook) {
      const result = attempt.prepare(true);
      if (result !== undefined) return result;
      nextLook = now + LOOK_MS;
    }
    if (now >= deadline) return attempt.cancel() ?? timedOut(attempt.action);
  }
}
