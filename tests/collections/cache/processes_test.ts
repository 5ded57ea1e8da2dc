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

Deno.test("Readers get whole values of their keys, beside writers that push entries out", async () => {
  using region = MmapRegion.anonymous(MIB / 4);
  using cache = SharedCache.open(region);
  await using first = new Child(PROGRAM, { args: ["read", 200_000], env: region.env() });
  const worker = startWorker(PROGRAM, "readInWorker", region.handle(), 200_000);
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
    }
    await new Promise((resolve) => setTimeout(resolve));
  }
  for (const { torn, hits } of await results) {
    assertEquals(torn, 0);
    assert(hits > 1000, `${hits}`);
  }
  worker.worker.terminate();
  assert(cache.stats().evicted > 1000);
});

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
  await using child = new Child(PROGRAM, { args: ["updateForEver"], env: region.env() });
  assertEquals(await child.readLine(), "updating");
  assertEquals(cache.get("key"), 5);
  child.kill();
  await child.ended();
  assertEquals(cache.increment("key"), 6);
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
