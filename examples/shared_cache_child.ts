/** A process of shared_cache.ts: wants some squares, and works out those that nobody has. */
import { MmapRegion } from "@mmap/mmap";
import { SharedMap } from "@mmap/mmap/collections";

using region = MmapRegion.fromEnv();
using cache = SharedMap.open(region);
let worked = 0;
for (let i = 0; i < 20; i++) {
  const key = `square of ${i}`;
  if (cache.has(key)) continue;
  const value = new Uint8Array(8);
  new DataView(value.buffer).setFloat64(0, i * i);
  cache.set(key, value);
  worked++;
}
console.log(`worked out ${worked}, found ${20 - worked}`);
