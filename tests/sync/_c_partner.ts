/** What a process of Deno does beside C programs: with the mutex of a file. */

import { MmapRegion } from "@mmap/mmap";
import { Mutex } from "@mmap/mmap/sync";
import { act } from "../_act.ts";

await act({
  /** Locks, says so, and waits for its input to end. */
  async hold(path: string): Promise<void> {
    using region = MmapRegion.open(path, { access: "read-write" });
    using _guard = new Mutex(region).lockSync();
    console.log("locked");
    await Deno.stdin.readable.pipeTo(new WritableStream());
  },

  /** Counts under the mutex. */
  count(path: string): void {
    using region = MmapRegion.open(path, { access: "read-write" });
    const mutex = new Mutex(region);
    const counter = region.view(Int32Array, 128, 1);
    console.log("ready");
    for (let i = 0; i < 20_000; i++) {
      using _guard = mutex.lockSync();
      counter[0]!++;
    }
    console.log("done");
  },
});
