/** Lifetimes, by a clock that the tests set. */

import { SharedCache, text } from "@mmap/mmap/collections";
import { assertEquals, assertThrows } from "@std/assert";
import { Clock, withCache } from "./_caches.ts";

Deno.test("An entry is there until its ttl is over", async () => {
  using clock = new Clock();
  await withCache({ codec: text, ttl: 100 }, (cache) => {
    cache.set("usual", "1");
    cache.set("short", "2", { ttl: 0.5 });
    cache.set("long", "3", { ttl: Infinity });
    assertEquals(cache.getEntry("usual")!.expiresAt, clock.now + 100);
    assertEquals(cache.getEntry("long")!.expiresAt, Infinity);
    clock.now += 0.25;
    assertEquals(cache.get("short"), "2");
    clock.now += 0.25;
    assertEquals(cache.get("short"), undefined);
    clock.now += 99;
    assertEquals(cache.get("usual"), "1");
    clock.now += 0.5;
    assertEquals([cache.get("usual"), cache.has("usual"), cache.get("long")], [
      undefined,
      false,
      "3",
    ]);
    assertEquals([...cache.keys()], ["long"]);
    assertEquals([...cache.entries()], [["long", "3"]]);
    assertEquals(cache.stats().entries, 1);
  });
});

Deno.test("SharedCache.set() begins a lifetime anew, and takes a stale entry for absent", async () => {
  using clock = new Clock();
  await withCache({ codec: text }, (cache) => {
    cache.set("key", "1", { ttl: 10 });
    clock.now += 9;
    cache.set("key", "2", { ttl: 10 });
    clock.now += 9;
    assertEquals(cache.get("key"), "2");
    cache.set("key", "3");
    clock.now += 1e9;
    assertEquals(cache.get("key"), "3");
    cache.set("key", "4", { ttl: 1, staleFor: 100 });
    clock.now += 1;
    assertEquals(cache.set("key", "5", { if: "present" }), false);
    assertEquals(cache.set("key", "5", { if: "absent" }), true);
    assertEquals(cache.getEntry("key")!.expiresAt, Infinity);
  });
});

Deno.test("getEntry() gives a stale entry for as long as staleFor says", async () => {
  using clock = new Clock();
  await withCache({ codec: text }, (cache) => {
    cache.set("key", "1", { ttl: 10, staleFor: 5 });
    const { version } = cache.getEntry("key", { stale: true })!;
    assertEquals(cache.getEntry("key", { stale: true })!.stale, false);
    clock.now += 10;
    assertEquals(cache.getEntry("key"), undefined);
    assertEquals([cache.get("key"), cache.has("key"), [...cache.keys()]], [undefined, false, []]);
    const expiresAt = clock.now;
    assertEquals(cache.getEntry("key", { stale: true }), {
      value: "1",
      version,
      expiresAt,
      stale: true,
    });
    assertEquals(cache.compareAndSet("key", version, "2"), false);
    clock.now += 5;
    assertEquals(cache.getEntry("key", { stale: true }), undefined);
  });
});

Deno.test("SharedCache.touch() changes the lifetime alone, also of a stale entry", async () => {
  using clock = new Clock();
  await withCache({ codec: text }, (cache) => {
    cache.set("key", "1", { ttl: 10, staleFor: 5 });
    const { version } = cache.getEntry("key")!;
    assertEquals(cache.touch("key", 20), true);
    clock.now += 19;
    assertEquals(cache.getEntry("key"), {
      value: "1",
      version,
      expiresAt: clock.now + 1,
      stale: false,
    });
    clock.now += 1;
    assertEquals(cache.touch("key", 3), true);
    clock.now += 2;
    assertEquals(cache.get("key"), "1");
    clock.now += 5;
    assertEquals(cache.getEntry("key", { stale: true })!.stale, true);
    clock.now += 1;
    assertEquals(cache.touch("key", 3), false);
    assertEquals(cache.touch("none", 3), false);
    cache.set("key", "1");
    assertEquals(cache.touch("key", Infinity), true);
    assertEquals(cache.getEntry("key")!.expiresAt, Infinity);
    for (const ttl of [0, -1, NaN]) assertThrows(() => cache.touch("key", ttl), RangeError);
    assertThrows(() => cache.touch("key", undefined as never), TypeError);
  });
});

Deno.test("SharedCache.increment() counts the ttl from when the number was made", async () => {
  using clock = new Clock();
  await withCache({}, (cache) => {
    assertEquals(cache.increment("n", 2, { ttl: 10, initial: 5 }), 7);
    clock.now += 9;
    assertEquals(cache.increment("n", 1, { ttl: 10 }), 8);
    clock.now += 1;
    assertEquals(cache.increment("n", 1, { ttl: 10 }), 1);
  });
});

Deno.test("SharedCache.update() and take() see no entry whose time is over", async () => {
  using clock = new Clock();
  await withCache({ codec: text }, (cache) => {
    cache.set("key", "1", { ttl: 10, staleFor: 5 });
    clock.now += 10;
    const seen: unknown[] = [];
    const change = (value: string | undefined): string => {
      seen.push(value);
      return "2";
    };
    assertEquals(cache.update("key", change, { ttl: 10 }), "2");
    assertEquals(cache.update("key", change, { ttl: 10 }), "2");
    clock.now += 10;
    assertEquals([seen, cache.take("key"), cache.delete("key")], [
      [undefined, "2"],
      undefined,
      false,
    ]);
  });
});

Deno.test("SharedCache.purge() frees what has expired, and nothing else", async () => {
  using clock = new Clock();
  await withCache({ codec: text }, (cache) => {
    for (let i = 0; i < 100; i++) cache.set(`short ${i}`, "1", { ttl: 10 });
    for (let i = 0; i < 50; i++) cache.set(`stale ${i}`, "1", { ttl: 10, staleFor: 10 });
    for (let i = 0; i < 50; i++) cache.set(`long ${i}`, "1");
    assertEquals(cache.purge(), 0);
    clock.now += 10;
    assertEquals([cache.purge(30), cache.purge(), cache.purge()], [30, 70, 0]);
    assertEquals(cache.getEntry("stale 7", { stale: true })!.value, "1");
    clock.now += 10;
    assertEquals(cache.purge(), 50);
    assertEquals([...cache.keys()].length, 50);
    assertEquals(cache.stats().expired, 150);
    for (const max of [-1, 0.5]) assertThrows(() => cache.purge(max), RangeError);
  });
});

Deno.test("Times out of range are refused before anything has changed", async () => {
  await withCache({ codec: text }, (cache, region) => {
    cache.set("key", "1");
    for (const ttl of [0, -1, NaN, -Infinity]) {
      assertThrows(() => cache.set("key", "2", { ttl }), RangeError, "ttl must be above 0");
      assertThrows(() => cache.update("key", () => "2", { ttl }), RangeError);
      assertThrows(() => cache.increment("n", 1, { ttl }), RangeError);
      assertThrows(() => cache.namespace("n", { ttl }), RangeError);
      assertThrows(() => SharedCache.open(region, { codec: text, ttl }), RangeError);
    }
    for (const staleFor of [-1, NaN]) {
      assertThrows(() => cache.set("key", "2", { staleFor }), RangeError, "staleFor");
    }
    assertThrows(() => cache.set("key", "2", { ttl: "1" as never }), TypeError);
    assertThrows(() => cache.set("key", "2", { tttl: 1 } as never), TypeError, "tttl");
    assertEquals([cache.get("key"), [...cache.keys()]], ["1", ["key"]]);
  });
});
