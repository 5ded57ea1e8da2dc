/** What each thread and each process of threads_and_processes.ts does. */
import type { MmapRegion } from "@mmap/mmap";

/** Adds 100 000 to the total, one by one. */
export function count(region: MmapRegion): void {
  const total = region.view(Int32Array, 0, 1);
  for (let i = 0; i < 100_000; i++) Atomics.add(total, 0, 1);
}
