/**
 * The memory that the algorithms of locks and channels work on: an Int32Array, and the means to
 * wait and to wake. So the algorithms run over a region, over a SharedArrayBuffer, and under a test
 * that drives them step by step.
 */

import type { LossWatch } from "../mapping/loss.ts";
import type { WaitResult } from "../os/system.ts";
import type { Threads } from "./holder.ts";

export type { WaitResult };

/** The memory of one primitive. */
export interface Words {
  /** The holders in this memory. */
  readonly threads: Threads;
  /** The watch over this memory. It is checked after data were read or written. */
  readonly lossWatch: LossWatch;
  /**
   * The primitive's 32-bit words.
   *
   * @throws {Deno.errors.BadResource} If the region is closed.
   */
  readonly cells: Int32Array;

  /** The buffer for users' views: the same memory as `cells`. */
  readonly userBuffer: ArrayBufferLike;

  /** Blocks this thread while the word has that value, until it is woken. */
  waitSync(index: number, expected: number, timeoutMs: number): WaitResult;

  /** As {@linkcode waitSync}, without blocking. `signal` ends the wait with its reason. */
  wait(
    index: number,
    expected: number,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<WaitResult>;

  /**
   * Registers `end` to run right before this isolate closes the memory, while it can still be used.
   *
   * @returns a function that cancels the registration
   */
  beforeEnd(end: () => void): () => void;

  /** Wakes waiters of a word, of all processes. @returns how many */
  wake(index: number, count: number): number;
}

/** All waiters. */
export const EVERYBODY = 0x7fffffff;
