/** Uses a bit of everything that goes through libc, under permissions that are asked for. */

import { MmapRegion } from "@mmap/mmap";
import { Mutex } from "@mmap/mmap/sync";
import { act, scope, startWorker } from "../_act.ts";

function use(): string {
  using region = MmapRegion.anonymous(4096);
  region.bytes[0] = 7;
  using _guard = new Mutex(region, 64).lockSync();
  return `works: ${region.bytes[0]}, ${MmapRegion.guardState()}`;
}

await act({
  here(): void {
    console.log(use());
  },
  async inWorkerToo(): Promise<void> {
    console.log(use());
    const { worker, next } = startWorker(import.meta.url, "work");
    console.log(await next());
    worker.terminate();
  },
  work(): void {
    scope.postMessage(use());
  },
});
