/** Closes regions of a truncated file that a Worker reads. */

import { MmapRegion } from "@mmap/mmap";
import { act, scope, startWorker } from "../_act.ts";
import { truncate } from "../_fault_child.ts";

const ROUNDS = 100;

await act({
  async close(shared: boolean): Promise<string> {
    const { worker, next } = startWorker(import.meta.url, "read");
    await next();
    const path = Deno.makeTempFileSync();
    const flag = new SharedArrayBuffer(4);
    const words = new Int32Array(flag);
    for (let round = 0; round < ROUNDS; round++) {
      Deno.writeFileSync(path, new Uint8Array(64 * 4096));
      const region = MmapRegion.open(path, { access: "read-write" });
      const buffer = shared ? region.sharedBuffer() : region.buffer;
      truncate(path, 0);
      worker.postMessage([buffer, flag], shared ? [] : [buffer as ArrayBuffer]);
      while (Atomics.load(words, 0) !== 1);
      region.close();
      Atomics.store(words, 0, 2);
      await next();
    }
    Deno.removeSync(path);
    worker.terminate();
    return "alive";
  },

  /** In a Worker: reads what it is given until told by the flag. */
  read(): void {
    scope.onmessage = ({ data: [buffer, flag] }) => {
      const bytes = new Uint8Array(buffer);
      const words = new Int32Array(flag);
      let sum = 0;
      Atomics.store(words, 0, 1);
      for (let i = 0; Atomics.load(words, 0) === 1; i = (i + 4096) % bytes.length) sum += bytes[i]!;
      scope.postMessage(sum);
    };
    scope.postMessage("ready");
  },
});
