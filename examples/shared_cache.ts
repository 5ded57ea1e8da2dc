/**
 * Processes share a cache: they find each other's results. It lies in memory without a name; with a
 * path instead of the region, the next program would find it too.
 *
 *     deno run --allow-ffi --allow-run examples/shared_cache.ts
 */
import { MmapRegion } from "@mmap/mmap";
import { SharedMap } from "@mmap/mmap/collections";

using region = MmapRegion.anonymous(1 << 20);
using cache = SharedMap.open(region, { capacity: 1000, valueByteLength: 64 });

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
console.log(`here: ${cache.size} values, square of 12 is ${number(cache.get("square of 12"))}`);

function number(value: Uint8Array | undefined): number | undefined {
  return value && new DataView(value.buffer, value.byteOffset).getFloat64(0);
}
