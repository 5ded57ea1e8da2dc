/** Adds to a counter under a lock, as many times as it is told, in a Worker. */

import { MmapRegion } from "@mmap/mmap";
import { addUnderLock, type Kind } from "./_stress.ts";

interface Work {
  readonly handle: string;
  readonly kind: Kind;
  readonly times: number;
}

self.addEventListener("message", (event) => {
  const { handle, kind, times } = (event as MessageEvent<Work>).data;
  using region = MmapRegion.attach(handle);
  addUnderLock(region, kind, times);
  (self as unknown as Worker).postMessage("done");
});
