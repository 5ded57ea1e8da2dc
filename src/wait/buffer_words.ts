/** Words in a SharedArrayBuffer: `Atomics` itself waits and wakes. */

import { type LossWatch, watchShared } from "../mapping/loss.ts";
import { THREADS } from "./holder.ts";
import { EVERYBODY, type WaitResult, type Words } from "./words.ts";

/** The interval of a timer that does nothing but keep the program alive. */
const ALIVE_MS = 1000;

/** Words for the Workers of one process. */
export class BufferWords implements Words {
  readonly threads = THREADS;
  readonly lossWatch: LossWatch;
  readonly cells: Int32Array<SharedArrayBuffer>;

  constructor(buffer: SharedArrayBuffer, byteOffset: number, byteLength: number) {
    this.cells = new Int32Array(buffer, byteOffset, byteLength / 4);
    this.lossWatch = watchShared(buffer, { byteOffset, byteLength });
  }

  get userBuffer(): SharedArrayBuffer {
    return this.cells.buffer;
  }

  waitSync(index: number, expected: number, timeoutMs: number): WaitResult {
    return Atomics.wait(this.cells, index, expected, timeoutMs);
  }

  async wait(
    index: number,
    expected: number,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<WaitResult> {
    signal?.throwIfAborted();
    const waiting = Atomics.waitAsync(this.cells, index, expected, timeoutMs);
    if (!waiting.async) return waiting.value;
    const { promise, reject } = Promise.withResolvers<never>();
    const abort = (): void => reject(signal!.reason);
    signal?.addEventListener("abort", abort);
    // Otherwise Deno would end a program that waits for nothing else.
    const keepAlive = setInterval(() => {}, ALIVE_MS);
    try {
      return await Promise.race([waiting.value, promise]);
    } catch (error) {
      // The abandoned wait is still registered, and would take another waiter's wake-up.
      Atomics.notify(this.cells, index, EVERYBODY);
      throw error;
    } finally {
      clearInterval(keepAlive);
      signal?.removeEventListener("abort", abort);
    }
  }

  /** A SharedArrayBuffer cannot be closed. */
  beforeEnd(): () => void {
    return () => {};
  }

  wake(index: number, count: number): number {
    return Atomics.notify(this.cells, index, count);
  }
}
