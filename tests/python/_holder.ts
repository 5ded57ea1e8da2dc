/** Holds the mutex at the beginning of the region in its environment, until it is killed. */

import { MmapRegion } from "@mmap/mmap";
import { Mutex } from "@mmap/mmap/sync";

const region = MmapRegion.fromEnv();
const guard = new Mutex(region).lockSync();
console.log("held");
await new Promise((resolve) => setTimeout(resolve, 1e6));
guard.unlock();
