/** The awaited calls of one end, one after the other in the order in which they were made. */

import { type Patience, timedOut } from "../wait/patience.ts";

/** The longest time that a timer can wait, 24 days; longer waits get no timer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** A queue within one isolate. */
export class CallQueue {
  readonly #waiting = new Set<() => void>();
  #taken = false;

  /** Whether no calls are under way. */
  get idle(): boolean {
    return !this.#taken;
  }

  /** Waits for the calls before this one, runs `action`, and lets the next one begin. */
  async run<T>(name: string, patience: Patience, action: () => Promise<T>): Promise<T> {
    if (this.#taken) await this.#wait(name, patience);
    this.#taken = true;
    try {
      return await action();
    } finally {
      this.#pass();
    }
  }

  #pass(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#taken = false;
    else next();
  }

  async #wait(name: string, { deadline, signal }: Patience): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<"first" | "timed-out">();
    const begin = () => {
      this.#waiting.delete(begin);
      resolve("first");
    };
    const giveUp = (settle: () => void) => () => {
      // Only if it is not first yet: otherwise `run` continues, and lets the next one begin.
      if (this.#waiting.delete(begin)) settle();
    };
    const abort = giveUp(() => reject(signal!.reason));
    const late = giveUp(() => resolve("timed-out"));
    const leftMs = deadline - performance.now();
    const timer = leftMs > LONGEST_TIMER_MS ? undefined : setTimeout(late, leftMs);
    this.#waiting.add(begin);
    signal?.addEventListener("abort", abort);
    try {
      if (await promise === "timed-out") timedOut(name);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    }
  }
}
