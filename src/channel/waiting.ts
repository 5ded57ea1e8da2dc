/** The ways to wait, for the blocking and the awaited calls of one object. */

import { type Attempt, attemptAsync, pause, sleepSync } from "../wait/attempt.ts";
import { type Patience, timedOut } from "../wait/patience.ts";
import { Breather } from "./breather.ts";
import { Spinner } from "./spinner.ts";
import { Turns } from "./turns.ts";

/** How a blocking call waits. */
export type WaitMode = "adaptive" | "block" | "spin";

/** How often a spinning call looks between two looks at the clock. */
const LOOKS = 1000;

/** How often a spinning call looks whether the other side is dead. */
const LOOK_MS = 50;

/** Awaited calls have their turns; a blocking one does not wait for them. */
export class Waiting {
  readonly #mode: WaitMode;
  readonly #spinner: Spinner;
  readonly #breather = new Breather();
  /** The awaited calls that are under way. */
  readonly turns = new Turns();

  /** @param longestBreak see {@linkcode Spinner} */
  constructor(mode: WaitMode, longestBreak: number) {
    this.#mode = mode;
    this.#spinner = new Spinner(longestBreak);
  }

  /** Blocks until the try succeeds. @throws {Deno.errors.TimedOut} */
  sync<T>(attempt: Attempt<T>, patience: Patience): T {
    if (this.#mode === "spin") return spinSync(attempt, patience);
    return this.#lookFirst(attempt) ?? sleepSync(attempt, patience);
  }

  /**
   * Waits for the turn, and until the try succeeds, without blocking the event loop.
   *
   * @param begin run when the turn has come
   */
  turn<T>(action: string, patience: Patience, begin: () => Attempt<T>): Promise<T> {
    return this.turns.run(action, patience, async () => {
      const attempt = begin();
      const early = this.#lookFirst(attempt);
      if (early !== undefined) return await this.atOnce(early);
      const late = await attemptAsync(attempt, patience);
      this.#breather.breathed();
      return late;
    });
  }

  #lookFirst<T>(attempt: Attempt<T>): T | undefined {
    return this.#mode === "block" ? undefined : this.#spinner.spin(() => attempt.attempt());
  }

  /** The result of an awaited call that did not wait: now and then the event loop runs first. */
  async atOnce<T>(result: T): Promise<T> {
    const due = this.#breather.due();
    if (due !== undefined) await due;
    return result;
  }
}

/** Waits without ever sleeping. */
function spinSync<T>(attempt: Attempt<T>, { deadline }: Patience): T {
  let nextLook = performance.now() + LOOK_MS;
  while (true) {
    for (let i = 0; i < LOOKS; i++) {
      const result = attempt.attempt();
      if (result !== undefined) return result;
      pause();
    }
    const now = performance.now();
    if (now >= nextLook) {
      const result = attempt.prepare(true);
      if (result !== undefined) return result;
      nextLook = now + LOOK_MS;
    }
    if (now >= deadline) return attempt.cancel() ?? timedOut(attempt.action);
  }
}
