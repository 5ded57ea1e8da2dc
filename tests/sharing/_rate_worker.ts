/** A Worker that asks a rate limit as often as it is told, and posts how many passed. */
/// <reference lib="deno.worker" />
import { MmapRegion, type RegionHandle } from "@mmap/mmap";
import { Barrier } from "@mmap/mmap/sync";
import { fixedWindow } from "../../examples/rate_limits.ts";

/** What it is told. */
export interface Order {
  readonly handle: RegionHandle;
  readonly calls: number;
  readonly limit: number;
  readonly now: number;
}

self.onmessage = ({ data: { handle, calls, limit, now } }: MessageEvent<Order>): void => {
  let passed = 0;
  {
    using region = MmapRegion.attach(handle);
    const words = region.view(BigInt64Array);
    new Barrier(region, 64, 2).waitSync(); // both begin at once
    for (let i = 0; i < calls; i++) {
      if (fixedWindow(words, 0, { limit, windowMs: 1000 }, now)) passed++;
    }
  }
  self.postMessage(passed);
};
