/** The second process of liveness_ratios.ts: locks the mutex of the region, and says so. */

import { MmapRegion } from "@mmap/mmap";
import { Mutex } from "@mmap/mmap/sync";

using region = MmapRegion.fromEnv();
using _guard = new Mutex(region).lockSync();
console.log("held");
await Deno.stdin.readable.pipeTo(new WritableStream());
