/** How long to wait. */

import { timeout } from "../check/numbers.ts";
import { checkOptions, type Names, optionalSignal } from "../check/options.ts";

/** Options of every blocking call. */
export interface SyncWaitOptions {
  /**
   * In milliseconds; after that the call throws `Deno.errors.TimedOut`. By default there is no
   * limit.
   */
  timeoutMs?: number;
}

/** Options of every awaitable call. */
export interface WaitOptions extends SyncWaitOptions {
  /** Ends the wait; the call throws the signal's reason. */
  signal?: AbortSignal;
}

const SYNC: Names<SyncWaitOptions> = { timeoutMs: true };

/** The options of {@linkcode patience}. */
export const WAIT: Names<WaitOptions> = { ...SYNC, signal: true };

/** Checked options: when to give up. */
export interface Patience {
  /** When to give up, by `performance.now()`; Infinity for never. */
  readonly deadline: number;
  readonly signal: AbortSignal | undefined;
}

/** The patience of a caller that gave no limit. */
export const FOR_EVER: Patience = { deadline: Infinity, signal: undefined };

/**
 * Reads the options, once.
 *
 * @throws {TypeError} If an option is unknown or of another type.
 * @throws {RangeError} If `timeoutMs` is negative or NaN.
 * @throws the signal's reason, if it is aborted already.
 */
export function patience(options: WaitOptions | undefined, action: string): Patience {
  if (options === undefined) return FOR_EVER;
  checkOptions(options, WAIT, action);
  return read(options, action);
}

/** As {@linkcode patience}, for a blocking call, which no signal can end. */
export function patienceSync(options: SyncWaitOptions | undefined, action: string): Patience {
  if (options === undefined) return FOR_EVER;
  checkOptions(options, SYNC, action);
  return read(options, action);
}

function read(options: WaitOptions, action: string): Patience {
  const signal = optionalSignal(options.signal, action);
  signal?.throwIfAborted();
  return { deadline: performance.now() + timeout(options.timeoutMs, action), signal };
}

/** @throws {Deno.errors.TimedOut} Always. */
export function timedOut(action: string): never {
  throw new Deno.errors.TimedOut(`Cannot ${action}: the time is up`);
}
