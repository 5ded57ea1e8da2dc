/** Takes the mutex at the beginning of the region whose handle it is sent, and keeps it. */

import { MmapRegion, type RegionHandle } from "@mmap/mmap";
import { Mutex } from "@mmap/mmap/sync";

self.addEventListener("message", (event) => {
  const region = MmapRegion.attach((event as MessageEvent<RegionHandle>).data);
  new Mutex(region).lockSync();
  (self as unknown as Worker).postMessage("held");
});
