/** Takes the mutex at the beginning of the region whose handle it is sent, keeps it, and says which thread it is. */

import { MmapRegion, type RegionHandle } from "@mmap/mmap";
import { Mutex } from "@mmap/mmap/sync";
import { TOKEN_TID } from "./_thread.ts";

self.addEventListener("message", (event) => {
  const region = MmapRegion.attach((event as MessageEvent<RegionHandle>).data);
  new Mutex(region).lockSync();
  (self as unknown as Worker).postMessage(TOKEN_TID);
});
