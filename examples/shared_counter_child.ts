/** A process of shared_counter.ts: counts to 1000, and if it is the clumsy one, half a step further. */
import { MmapRegion } from "@mmap/mmap";
import { Mutex } from "@mmap/mmap/sync";

using region = MmapRegion.fromEnv();
const mutex = new Mutex(region, 0);
const counters = region.view(Int32Array, 64, 2);

for (let i = 0; i < 1000; i++) {
  using guard = mutex.lockSync();
  if (guard.ownerDied) {
    console.log(`the other process died: ${counters.join(" and ")}, repaired`);
    counters[1] = counters[0]!;
  }
  counters[0]!++;
  counters[1]!++;
}

if (Deno.args[0] === "clumsy") {
  using _guard = mutex.lockSync();
  counters[0]!++;
  console.log("half-way");
  setInterval(() => {}, 1000); // stays until it is killed
  await new Promise(() => {});
}
