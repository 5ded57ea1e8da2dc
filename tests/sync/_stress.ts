/** What the processes and Workers of a stress test do together: the lock at 0, the counter at 2048. */

import type { MmapRegion } from "@mmap/mmap";
import { Mutex, RwLock } from "@mmap/mmap/sync";

/** The lock under which the counter is added to. */
export type Kind = "Mutex" | "RwLock";

/** Not atomic, and as long as can be between reading and writing: only the lock keeps it exact. */
export function addUnderLock(region: MmapRegion, kind: Kind, times: number): void {
  const counter = region.view(Float64Array, 2048, 2);
  const lock = kind === "Mutex" ? new Mutex(region) : new RwLock(region);
  for (let i = 0; i < times; i++) {
    using _guard = lock instanceof Mutex ? lock.lockSync() : lock.writeSync();
    const before = counter[0]!;
    counter[1] = i;
    counter[0] = before + 1;
  }
}
