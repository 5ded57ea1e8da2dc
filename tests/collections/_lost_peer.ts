/** Another process that uses a collection in a file: prints what it finds. */

import { MmapRegion } from "@mmap/mmap";
import { SharedArray, SharedCache, SharedMap } from "@mmap/mmap/collections";
import { f64 } from "@mmap/mmap/struct";

const [what, path, count] = Deno.args as [string, string, string];
using region = MmapRegion.open(path, { access: "read-write" });
if (what === "array") {
  using array = SharedArray.open(region, f64);
  console.log(array.push(4));
} else if (what === "cache") {
  // What was in the lost pages may be gone, but no lock is held.
  using cache = SharedCache.open(region);
  for (let i = 0; i < 1000; i++) {
    try {
      cache.set(`peer ${i}`, new Uint8Array(100));
    } catch (error) {
      // The first one may find the damage.
      if (!(error instanceof Deno.errors.InvalidData)) throw error;
    }
  }
  console.log(cache.set("peer", new Uint8Array(9)) && cache.get("peer")?.length === 9);
} else {
  using map = SharedMap.open(region);
  const isWhole = (value?: Uint8Array) => value?.length === 200 && value.every((v) => v === 7);
  map.set("of another process", new Uint8Array(1));
  map.delete("of another process");
  let all = isWhole(map.get("one"));
  for (let i = 0; i < Number(count ?? 0); i++) all &&= isWhole(map.get(`${i}`));
  // What was being set may be there or not, but whole.
  for (const [, value] of map) all &&= isWhole(value);
  console.log(all && map.size === [...map].length);
}
