/** Peers of the tests of layouts. */

import { MmapRegion } from "@mmap/mmap";
import { Barrier, layOut, Mutex } from "@mmap/mmap/sync";
import { array, f64, struct, u32 } from "@mmap/mmap/struct";
import { RobustWord } from "../../src/wait/robust_word.ts";
import { RegionWords } from "../../src/wait/region_words.ts";
import { act } from "../_act.ts";

/** What all of them lay out. */
export const Shared = layOut({
  start: [Barrier, 3],
  mutex: Mutex,
  state: struct({ count: u32 }),
  hits: array(f64, 1024),
});

if (import.meta.main) {
  await act({
    /** Makes the layout with two others at once, and counts with them. */
    count(path: string, times: number): number {
      using region = MmapRegion.open(path, { access: "read-write" });
      using shared = Shared.create(region);
      shared.start.waitSync({ timeoutMs: 30_000 });
      for (let i = 0; i < times; i++) {
        using _guard = shared.mutex.lockSync();
        shared.state.count += 1;
        shared.hits[1023]! += 0.5;
      }
      return shared.state.count;
    },
    /** Says how making it fails. */
    refused(path: string): string {
      using region = MmapRegion.open(path, { access: "read-write" });
      try {
        Shared.create(region);
        return "made it";
      } catch (error) {
        return String(error);
      }
    },
    /** Dies in the middle of making it. */
    die(path: string, table: number[]): void {
      using region = MmapRegion.open(path, { access: "read-write" });
      const words = new RegionWords(region, 0, 64, "make half a layout");
      if (!new RobustWord(words, 2).tryTake()) throw new Error("the lock is not free");
      region.bytes.set(table.slice(16, 100), 16);
      Deno.kill(Deno.pid, "SIGKILL");
    },
  });
}
