/** The other process of blocking.ts: writes the message first and sets the event second. */
import { MmapRegion } from "@mmap/mmap";
import { SharedEvent } from "@mmap/mmap/sync";

using region = MmapRegion.fromEnv();
const { written } = new TextEncoder().encodeInto("the data are here", region.bytes.subarray(68));
region.view(Int32Array, 64, 1)[0] = written;
new SharedEvent(region, 0).set();
