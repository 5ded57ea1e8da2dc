/** A process that sets values in a cache for a while, and tells how many in which time. */

import { MmapRegion } from "@mmap/mmap";
import { SharedCache } from "@mmap/mmap/collections";

const [name] = Deno.args;
const VALUE = new Uint8Array(100).fill(7);
const TIME_MS = 3000;

using region = MmapRegion.fromEnv();
using cache = SharedCache.open(region);
const keys = Array.from({ length: 50_000 }, (_, i) => `${name} ${i}`);
for (const key of keys) cache.set(key, VALUE);
let sets = 0;
const start = performance.now();
let milliseconds = 0;
while (milliseconds < TIME_MS) {
  for (let i = 0; i < 1000; i++) cache.set(keys[sets++ % keys.length]!, VALUE);
  milliseconds = performance.now() - start;
}
console.log(JSON.stringify({ sets, milliseconds }));
