/** A process that sets values in a cache for a while, and tells how many in which time of processors. */

import process from "node:process";
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
const before = process.cpuUsage();
const end = performance.now() + TIME_MS;
while (performance.now() < end) {
  for (let i = 0; i < 1000; i++) cache.set(keys[sets++ % keys.length]!, VALUE);
}
const { user, system } = process.cpuUsage(before);
console.log(JSON.stringify({ sets, nanoseconds: 1000 * (user + system) }));
