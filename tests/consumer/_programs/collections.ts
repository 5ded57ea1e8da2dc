import { AppendLog, json, SharedArray, SharedCache, SharedMap } from "@mmap/mmap/collections";
import { f64 } from "@mmap/mmap/struct";

using log = AppendLog.open("events.log", { create: true });
log.append(new TextEncoder().encode("began"));
for (const { record } of log.entries()) console.log(new TextDecoder().decode(record));

using map = SharedMap.open("cache.map", { create: true, capacity: 100 });
map.set("answer", new Uint8Array([42]));
const value: Uint8Array | undefined = map.get("answer");
console.log(map.size, value?.[0]);

using numbers = SharedArray.open("numbers.array", f64, { create: true });
const length: number = numbers.push(0.5, 0.25);
console.log(length, numbers.at(1));

using cache = SharedCache.open<{ n: number }>("kept.cache", {
  create: true,
  byteLength: 65536,
  codec: json,
});
const computed = await cache.getOrCompute("key", () => ({ n: 1 }));
console.log(cache.get("key")?.n, computed?.n);

export function refused(): void {
  // @ts-expect-error: values are bytes
  map.set("answer", 42);
  // @ts-expect-error: elements are numbers
  numbers.push("one");
  // @ts-expect-error: values have a number
  cache.set("key", { n: "1" });
}
