/** Who this isolate is in the lock words of a region. */

import type { MmapRegion } from "@mmap/mmap";
import type { Name } from "../../src/os/system.ts";
import { backingOf } from "../../src/region/mmap_region.ts";
import { threadsOf } from "../../src/wait/holder.ts";

export function nameIn(region: MmapRegion): Name {
  return threadsOf(backingOf(region)).self();
}
