/** Attaches to a region, so often: prints the nanoseconds that one attaching takes. */

import { MmapRegion, type RegionHandle } from "@mmap/mmap";
import { timePerCall } from "../_ratio.ts";

const handle: RegionHandle = JSON.parse(Deno.args[0]!);
const times = Number(Deno.args[1]);
const attach = () => MmapRegion.attach(handle).close();
timePerCall(attach, times); // compiles
console.log(timePerCall(attach, times));
