/** Words in a SharedArrayBuffer: `Atomics` itself waits and wakes. */

import { EVERYBODY, type WaitResult, type Words } from "./words.ts";

/** For the Workers of one process. */
export class BufferWords implements Words {
  readonly cells: Int32Array<SharedArrayBuffer>;

  constructor(buffer: SharedArrayBuffer, byteOffset: number, byteLength: number) {
    this.cells = new Int32Array(buffer, byteOffset, byteLength / 4);
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
    if (!waiting.async || signal === undefined) return await waiting.value;
    const { promise, reject } = Promise.withResolvers<never>();
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort);
    try {
      return await Promise.race([waiting.value, promise]);
    } catch (error) {
      // The abandoned wait is still there and would swallow somebody's wake-up.
      Atomics.notify(this.cells, index, EVERYBODY);
      throw error;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  wake(index: number, count: number): number {
    return Atomics.notify(this.cells, index, count);
  }
}
