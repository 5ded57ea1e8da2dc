/** The other processes and Workers of processes_test.ts. */

import { MmapRegion, type RegionHandle } from "@mmap/mmap";
import { type Codec, number, SharedCache, text } from "@mmap/mmap/collections";
import { act, scope } from "../../_act.ts";
import { isWhole, KEYS, live } from "./_life.ts";

const CODECS = { number, text } as { number: Codec<unknown>; text: Codec<unknown> };

const fromEnv = (): MmapRegion => MmapRegion.fromEnv();

/** Looks at keys that somebody changes, until it has found so many. */
function read(cache: SharedCache, least: number): { torn: number } {
  let torn = 0;
  for (let i = 0, hits = 0; hits < least; i++) {
    const key = i % 2 === 0 ? 1 : i * 31 % KEYS;
    const value = cache.get(`key ${key}`);
    if (value === undefined) continue;
    hits++;
    if (!isWhole(key, value)) torn++;
  }
  return { torn };
}

function computeForEver(cache: SharedCache<string>, tell: () => void): void {
  void cache.getOrCompute("key", () => {
    tell();
    return new Promise(() => setTimeout(() => {}, 1e9));
  });
}

await act({
  read(hits: number): unknown {
    using region = fromEnv();
    using cache = SharedCache.open(region);
    console.log("reading");
    return read(cache, hits);
  },

  /** Looks at keys that are always there, whatever happens to them and around them. */
  lookAtFixed(looks: number): number {
    using region = fromEnv();
    using cache = SharedCache.open(region);
    console.log("reading");
    let missing = 0;
    for (let i = 0; i < looks; i++) if (cache.get(`fixed ${i % 20}`) === undefined) missing++;
    return missing;
  },

  readInWorker(handle: RegionHandle, hits: number): void {
    using region = MmapRegion.attach(handle);
    using cache = SharedCache.open(region);
    scope.postMessage("reading");
    scope.postMessage(read(cache, hits));
  },

  count(times: number): number {
    using region = fromEnv();
    using cache = SharedCache.open(region, { codec: number });
    cache.set("compared", 0, { if: "absent" });
    for (let i = 0; i < times; i++) {
      cache.increment("incremented");
      cache.update("updated", (count = 0) => count + 1);
      while (true) {
        const { value, version } = cache.getEntry("compared")!;
        if (cache.compareAndSet("compared", version, value + 1)) break;
      }
      // Others come and go beside them.
      cache.set(`${i}`, i);
    }
    return times;
  },

  take(count: number): number {
    using region = fromEnv();
    using cache = SharedCache.open(region, { codec: number });
    let taken = 0;
    for (let i = 0; i < count; i++) if (cache.take(`token ${i}`) !== undefined) taken++;
    return taken;
  },

  fill(path: string, prefix: number): number {
    using cache = SharedCache.open(path, { create: true, byteLength: 100_000, codec: number });
    for (let i = 0; i < 100; i++) cache.set(`${prefix} ${i}`, i);
    return prefix;
  },

  computeForEver(): void {
    computeForEver(SharedCache.open(fromEnv(), { codec: text }), () => console.log("computing"));
  },

  computeInWorker(handle: RegionHandle): void {
    const cache = SharedCache.open(MmapRegion.attach(handle), { codec: text });
    computeForEver(cache, () => scope.postMessage("computing"));
  },

  async waitForValue(times: number): Promise<unknown> {
    using region = fromEnv();
    using cache = SharedCache.open(region, { codec: text });
    let computed = 0;
    const found = Array.from({ length: times }, () =>
      cache.getOrCompute("key", () => {
        computed++;
        return `computed by ${Deno.pid}`;
      }));
    console.log("waiting");
    return { found: await Promise.all(found), computed };
  },

  updateForEver(kind: "number" | "text"): void {
    using region = fromEnv();
    using cache = SharedCache.open<unknown>(region, { codec: CODECS[kind] });
    cache.update("key", (value) => {
      console.log("updating");
      while (value !== undefined) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
      return value;
    });
  },

  live(): void {
    live(fromEnv());
  },
});
