/** A cache between processes and Workers: what others see, and what is left of those who die. */

import { MmapRegion } from "@mmap/mmap";
import { number, SharedCache, text } from "@mmap/mmap/collections";
import { Futex } from "@mmap/mmap/sync";
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { startWorker } from "../../_act.ts";
import { Child, resultOf } from "../../_child.ts";
import { withTempDir } from "../../_files.ts";
import { BELL_OFFSET, CACHE_OFFSET, checkAll, KEYS, TARGET, valueFor } from "./_life.ts";
import { MIB } from "./_caches.ts";

const PROGRAM = new URL("_children.ts", import.meta.url);

const FORMS = { "buckets with room": 256, "overfull buckets": 4000 };
for (const [form, averageEntryByteLength] of Object.entries(FORMS)) {
  Deno.test(`Readers get whole values of their keys, beside writers that push entries out: ${form}`, async () => {
    using region = MmapRegion.anonymous(MIB / 4);
    using cache = SharedCache.open(region, { averageEntryByteLength });
    await using first = new Child(PROGRAM, { args: ["read", 50_000], env: region.env() });
    const worker = startWorker(PROGRAM, "readInWorker", region.handle(), 50_000);
    assertEquals(await first.readLine(), "reading");
    assertEquals(await worker.next(), "reading");
    let over = false;
    const results = Promise.all([first.readLine().then((line) => JSON.parse(line)), worker.next()])
      .finally(() => over = true);
    for (let i = 0; !over; i++) {
      for (let k = 0; k < 500; k++) {
        const key = (i * 500 + k) * 7919 % KEYS;
        cache.set(`key ${key}`, valueFor(key, i + k));
        if (k % 7 === 0) cache.delete(`key ${k}`);
        // In place, again and again.
        cache.set("key 1", valueFor(1, 4 * i));
      }
      await new Promise((resolve) => setTimeout(resolve));
    }
    for (const { torn } of await results) assertEquals(torn, 0);
    worker.worker.terminate();
    assert(cache.stats().evicted > 1000);
  });
}

for (const [form, averageEntryByteLength] of Object.entries(FORMS)) {
  Deno.test(`Readers miss no key that is there: ${form}`, async () => {
    using region = MmapRegion.anonymous(MIB);
    using cache = SharedCache.open(region, { averageEntryByteLength });
    for (let i = 0; i < 20; i++) cache.set(`fixed ${i}`, valueFor(i, i));
    await using child = new Child(PROGRAM, { args: ["lookAtFixed", 100_000], env: region.env() });
    assertEquals(await child.readLine(), "reading");
    let over = false;
    const missing = child.readLine().finally(() => over = true);
    for (let i = 0; !over; i++) {
      for (let k = 0; k < 200; k++) {
        // To other lengths, so to other places; others come and go, before and behind them.
        cache.set(`fixed ${k % 20}`, valueFor(k % 20, i + k));
        cache.set(`other ${(i * 200 + k) % 300}`, valueFor(k, i));
        cache.delete(`other ${(i * 77 + k * 3) % 300}`);
      }
      await new Promise((resolve) => setTimeout(resolve));
    }
    assertEquals(await missing, "0");
    assertEquals(cache.stats().evicted, 0);
  });
}

Deno.test("Writers in several processes lose no increments and no updates", async () => {
  using region = MmapRegion.anonymous(MIB);
  using cache = SharedCache.open(region, { codec: number, shards: 4 });
  const each = 5000;
  await Promise.all(
    Array.from(
      { length: 3 },
      () => resultOf(PROGRAM, { args: ["count", each], env: region.env() }),
    ),
  );
  assertEquals([cache.get("incremented"), cache.get("updated"), cache.get("compared")], [
    3 * each,
    3 * each,
    3 * each,
  ]);
});

Deno.test("Of several who take a token at once, one gets it", async () => {
  using region = MmapRegion.anonymous(MIB);
  using cache = SharedCache.open(region, { codec: number });
  for (let i = 0; i < 2000; i++) cache.set(`token ${i}`, i);
  const taken = await Promise.all(
    Array.from(
      { length: 3 },
      () => resultOf(PROGRAM, { args: ["take", 2000], env: region.env() }) as Promise<number>,
    ),
  );
  assertEquals(taken.reduce((sum, one) => sum + one, 0), 2000);
});

Deno.test("One of several makes a new cache of a file, and all use it", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "cache");
    await Promise.all(
      Array.from({ length: 4 }, (_, i) => resultOf(PROGRAM, { args: ["fill", path, i] })),
    );
    using cache = SharedCache.open(path, { codec: number });
    for (let i = 0; i < 400; i++) assertEquals(cache.get(`${i % 4} ${i >> 2}`), i >> 2);
  });
});

Deno.test("If who computes is killed, one of 100 who wait computes: twice in all", async () => {
  using region = MmapRegion.anonymous(MIB);
  using cache = SharedCache.open(region, { codec: text });
  await using holder = new Child(PROGRAM, { args: ["computeForEver"], env: region.env() });
  assertEquals(await holder.readLine(), "computing");
  const others = Array.from(
    { length: 2 },
    () => new Child(PROGRAM, { args: ["waitForValue", 33], env: region.env() }),
  );
  for (const other of others) assertEquals(await other.readLine(), "waiting");
  let calls = 0;
  const here = Array.from({ length: 34 }, () =>
    cache.getOrCompute("key", () => {
      calls++;
      return `computed by ${Deno.pid}`;
    }));
  holder.kill();
  await holder.ended();
  const values = new Set(await Promise.all(here));
  for (const other of others) {
    const { found, computed } = JSON.parse(await other.readLine());
    calls += computed;
    found.forEach((value: string) => values.add(value));
    await other[Symbol.asyncDispose]();
  }
  // The first computation was the one that never ended.
  assertEquals([calls, values.size], [1, 1]);
  assertEquals([cache.stats().flights, cache.stats().handedOver], [2, 1]);
});

Deno.test("A stale value is computed anew if who began that is dead", async () => {
  using region = MmapRegion.anonymous(MIB);
  using cache = SharedCache.open(region, { codec: text });
  const options = { ttl: 1e-6, staleFor: Infinity };
  cache.set("key", "stale", options);
  await using holder = new Child(PROGRAM, { args: ["computeForEver"], env: region.env() });
  assertEquals(await holder.readLine(), "computing");
  holder.kill();
  await holder.ended();
  const computed = Promise.withResolvers<string>();
  const compute = (): string => {
    computed.resolve("here");
    return "new";
  };
  assertEquals(await cache.getOrCompute("key", compute, { ...options, ttl: 1e6 }), "stale");
  assertEquals(await computed.promise, "here");
});

Deno.test("If the Worker that computes is terminated, another isolate computes", async () => {
  using region = MmapRegion.anonymous(MIB);
  using cache = SharedCache.open(region, { codec: text });
  const worker = startWorker(PROGRAM, "computeInWorker", region.handle());
  assertEquals(await worker.next(), "computing");
  const value = cache.getOrCompute("key", () => "here");
  worker.worker.terminate();
  assertEquals(await value, "here");
});

Deno.test("Who is killed while it updates leaves the old value, and its lock", async () => {
  using region = MmapRegion.anonymous(MIB);
  using cache = SharedCache.open(region, { codec: number });
  cache.set("key", 5);
  await using child = new Child(PROGRAM, { args: ["updateForEver", "number"], env: region.env() });
  assertEquals(await child.readLine(), "updating");
  assertEquals(cache.get("key"), 5);
  child.kill();
  await child.ended();
  assertEquals(cache.increment("key"), 6);
});

Deno.test("A value whose writer does not go on is missing until it does, and nobody hangs", async () => {
  using region = MmapRegion.anonymous(MIB);
  using cache = SharedCache.open(region, { codec: text });
  cache.set("key", "5");
  cache.set("being written", "old");
  cache.set("other", "there");
  await using child = new Child(PROGRAM, { args: ["updateForEver", "text"], env: region.env() });
  assertEquals(await child.readLine(), "updating");
  // As its writer leaves it between two stores.
  const floats = region.view(Float64Array);
  const { version } = cache.getEntry("being written")!;
  const at = floats.lastIndexOf(version);
  floats[at] = -version - 0.5;
  assertEquals([cache.get("being written"), cache.get("other")], [undefined, "there"]);
  floats[at] = version;
  assertEquals(cache.get("being written"), "old");
  floats[at] = -version - 0.5;
  child.kill();
  await child.ended();
  // Now it is certain that nobody will write the rest.
  assertEquals(cache.get("being written"), undefined);
  assertEquals(cache.set("being written", "new", { if: "absent" }), true);
  assertEquals([cache.get("being written"), cache.get("key")], ["new", "5"]);
});

Deno.test("What returned is there, and nothing is torn, after 40 kills", async () => {
  using region = MmapRegion.anonymous(CACHE_OFFSET + MIB / 4);
  const words = region.view(Int32Array, 0, 16);
  const bell = new Futex(region, BELL_OFFSET);
  for (let kill = 0; kill < 40; kill++) {
    bell.store(0);
    words[TARGET] = 1 + kill * 37 % 400;
    await using child = new Child(PROGRAM, { args: ["live"], env: region.env() });
    assertEquals(await bell.wait(0, { timeoutMs: 60_000 }) === "timed-out", false);
    child.kill();
    await child.ended();
    checkAll(region);
  }
});
