/** A process of shared_cache.ts: wants some squares, and works out those that nobody has. */
import { MmapRegion } from "@mmap/mmap";
import { number, SharedCache } from "@mmap/mmap/collections";

using region = MmapRegion.fromEnv();
using cache = SharedCache.open(region, { codec: number });
let worked = 0;
for (let i = 0; i < 20; i++) {
  await cache.getOrCompute(`square of ${i}`, () => {
    worked++;
    return i * i;
  });
}
console.log(`worked out ${worked}, found ${20 - worked}`);
