/** The other process of blocking.ts: writes the message first and raises the flag second. */
import { MmapRegion } from "@mmap/mmap";

using region = MmapRegion.fromEnv();
const header = region.view(Int32Array, 0, 2);
const { written } = new TextEncoder().encodeInto("the data are here", region.bytes.subarray(8));
header[1] = written;
// Pairs with the load in the parent.
Atomics.store(header, 0, 1);
