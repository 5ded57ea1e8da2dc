/** The options that all kinds of channels have, checked. */

import { wholeNumber } from "../check/numbers.ts";
import { checkOptions, choice, flag, type Names } from "../check/options.ts";
import type { WaitMode } from "./wait_strategy.ts";
import { LARGEST_CAPACITY, LEAST_CAPACITY } from "./layout.ts";

/** Options of every process that uses a channel. */
export interface JoinOptions {
  /**
   * How the blocking calls wait.
   *
   * - "adaptive": they spin for some microseconds, then they sleep.
   * - "block": they sleep at once.
   * - "spin": they spin without end. Use it only if this thread has a processor core to itself.
   *
   * Awaited calls never block the event loop for long. Except with "block", they first spin for up
   * to 0.1 ms, if that was useful lately; so does a call that wakes the other side, for what this
   * isolate awaits already.
   * @default {"adaptive"}
   */
  wait?: "adaptive" | "block" | "spin";
  /**
   * Whether received messages of up to 1 KiB share buffers, as Node's `Buffer`s do. Receiving them
   * then is five times as fast. `message.buffer` is then larger than the message (use
   * `message.byteOffset`), cannot be transferred to a Worker, and stays in memory as long as any
   * message in it: 64 KiB.
   *
   * **`postMessage` and `structuredClone` of such a message give away all of its buffer**, with
   * messages of this and of other channels, maps and logs in it. Pass on `message.slice()`.
   * @default {false}
   */
  pooled?: boolean;
}

/** The options of all who join. */
export const JOIN: Names<JoinOptions> = { wait: true, pooled: true };

/** @throws {RangeError} If it is out of range. */
export function capacityFrom(value: unknown, action: string): number {
  const wanted = wholeNumber(value, "capacity", action, 1, LARGEST_CAPACITY);
  let capacity = LEAST_CAPACITY;
  while (capacity < wanted) capacity *= 2;
  return capacity;
}

const WAIT_MODES: readonly WaitMode[] = ["adaptive", "block", "spin"];

/** How one object uses a channel. */
export interface JoinPlan {
  readonly mode: WaitMode;
  readonly pooled: boolean;
}

/**
 * @param names all allowed options, including those that are read elsewhere
 * @throws {TypeError} If an option is unknown, or does not have one of its values.
 */
export function joinPlanFrom<T extends JoinOptions>(
  options: T,
  names: Names<T>,
  action: string,
): JoinPlan {
  checkOptions(options, names, action);
  const mode = choice(options.wait, WAIT_MODES, "wait", action) ?? "adaptive";
  return { mode, pooled: flag(options.pooled, "pooled", action, false) };
}
