/**
 * Processes share a cache: they find each other's results, and what two of them want at the same
 * time is worked out once. It lies in memory without a name; with a path and a `byteLength` instead
 * of the region, the next program would find it too.
 *
 *     deno run --allow-ffi --allow-run examples/shared_cache.ts
 */
import { MmapRegion } from "@mmap/mmap";
import { number, SharedCache } from "@mmap/mmap/collections";

using region = MmapRegion.anonymous(1 << 20);
using cache = SharedCache.open(region, { codec: number });

async function work(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-ffi", import.meta.resolve("./shared_cache_child.ts")],
    env: region.env(),
  }).output();
  return new TextDecoder().decode(stdout).trim();
}

console.log(`first process:  ${await work()}`);
console.log(`second process: ${await work()}`);
cache.delete("square of 7");
console.log(`third process:  ${await work()}`);
cache.clear();
const counts = (await Promise.all([work(), work(), work()])).map((line) =>
  parseInt(line.slice(11))
);
console.log(`three at once:  worked out ${counts.reduce((sum, count) => sum + count)}`);
console.log(`here: ${cache.stats().entries} values, square of 12 is ${cache.get("square of 12")}`);
