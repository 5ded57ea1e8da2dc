/** Takes the mutex at the beginning of the region whose handle it is sent, and keeps it. */

import { MmapRegion, type RegionHandle } from "@mmap/mmap";
import { Mutex } from "@mmap/mmap/sync";

self.onmessage = (event: MessageEvent<RegionHandle>): void => {
  const region = MmapRegion.attach(event.data);
  new Mutex(region).lockSync();
  (self as unknown as Worker).postMessage("held");
};
