/**
 * Attaches to a region, so many batches of 100 times: prints the nanoseconds that one attaching takes,
 * as the median of the batches.
 */

import { MmapRegion, type RegionHandle } from "@mmap/mmap";
import { median, timePerCall } from "../_ratio.ts";

const handle: RegionHandle = JSON.parse(Deno.args[0]!);
const batches = Number(Deno.args[1]);
const attach = () => MmapRegion.attach(handle).close();
timePerCall(attach, 60_000); // compiles, and lets the heap grow
console.log(median(Array.from({ length: batches }, () => timePerCall(attach, 100))));
