/** When a cache forgets, and when it must not. */

import { SharedCache } from "@mmap/mmap/collections";
import { MmapRegion } from "@mmap/mmap";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { random } from "../_random.ts";
import { Clock, MIB, missingOf, valueOf, withCache } from "./_caches.ts";

/** Sets keys of random lengths until half of the cache is taken. @returns how many */
function fillHalf(cache: SharedCache<Uint8Array>, lengthOf: () => number): number {
  const half = cache.stats().byteLength / 2;
  let taken = 0;
  for (let count = 0;; count++) {
    const length = lengthOf();
    taken += length + 80;
    if (taken > half) return count;
    assert(cache.set(`key ${count}`, valueOf(count, length)));
  }
}

const FORMS: [string, { byteLength: number; averageEntryByteLength?: number }, number][] = [
  ["64 KiB of short values", { byteLength: 65536 }, 50],
  ["1 MiB of short values", { byteLength: MIB }, 8],
  ["1 MiB of values of a few KiB", { byteLength: MIB }, 8000],
  ["1 MiB of values of up to an eighth", { byteLength: MIB }, 120_000],
  ["16 MiB in 4 shards", { byteLength: 16 * MIB }, 3000],
  [
    "entries much shorter than was guessed",
    { byteLength: MIB, averageEntryByteLength: 10_000 },
    20,
  ],
  ["entries much longer than was guessed", { byteLength: MIB, averageEntryByteLength: 16 }, 20_000],
];
for (const [form, options, longest] of FORMS) {
  Deno.test(`SharedCache forgets nothing while half of it is live: ${form}`, async () => {
    await withCache(options, (cache) => {
      const next = random(1);
      const length = () => next() % longest;
      const count = fillHalf(cache, length);
      assertEquals(missingOf(cache, count), []);
      // Rewrites to other lengths leave holes everywhere.
      const lengths = Array.from({ length: count }, () => 0);
      for (let i = 0; i < 4 * count; i++) {
        const key = next() % count;
        lengths[key] = next() % 2 === 0 ? length() >> 1 : length() >> 2;
        cache.set(`key ${key}`, valueOf(key, lengths[key]!));
        // Others come and go.
        cache.set(`other ${i}`, valueOf(i, length() >> 3));
        if (i > 3) cache.delete(`other ${i - 3}`);
        if (i % 1000 === 0) assertEquals(missingOf(cache, count), []);
      }
      assertEquals(missingOf(cache, count), []);
      for (let i = 0; i < count; i++) {
        const value = cache.get(`key ${i}`)!;
        assertEquals(value, valueOf(i, value.length));
      }
      assertEquals(cache.stats().evicted, 0);
      assert(cache.stats().liveByteLength <= options.byteLength / 2);
    });
  });
}

/** Fills a cache until it has forgotten some; of each thousand, 400 are `lives`. */
function fillUp(set: (lives: boolean, key: string, value: Uint8Array) => void): void {
  // In runs, so that most must be moved to find the room of the others.
  for (let i = 0; i < 5000; i++) set(i % 1000 < 400, `old ${i}`, valueOf(i, 200));
}

/** What comes next pushes out nothing that lives. */
function assertKeeps(cache: SharedCache<Uint8Array>): void {
  const lives = [...cache.keys()];
  const { evicted, liveByteLength } = cache.stats();
  assert(evicted > 0 && lives.length > 1000 && liveByteLength < MIB / 2, `${lives.length}`);
  const count = Math.floor((MIB / 2 - liveByteLength) / 300);
  for (let i = 0; i < count; i++) cache.set(`key ${i}`, valueOf(i, 200));
  assertEquals(missingOf(cache, count), []);
  assertEquals(lives.filter((key) => !cache.has(key)), []);
  assertEquals(cache.stats().evicted, evicted);
}

Deno.test("SharedCache forgets what has expired before what lives", async () => {
  using clock = new Clock();
  await withCache({ byteLength: MIB }, (cache) => {
    fillUp((lives, key, value) => cache.set(key, value, lives ? {} : { ttl: 1000 }));
    clock.now += 1000;
    assertKeeps(cache);
  });
});

Deno.test("SharedCache forgets what was cleared before what lives", async () => {
  await withCache({ byteLength: MIB }, (cache) => {
    const other = cache.namespace("other");
    fillUp((lives, key, value) => (lives ? cache : other).set(key, value));
    other.clear();
    assertKeeps(cache);
  });
});

Deno.test("SharedCache forgets nothing for what was deleted before", async () => {
  await withCache({ byteLength: MIB }, (cache) => {
    fillUp((_lives, key, value) => cache.set(key, value));
    for (const key of [...cache.keys()]) {
      if (Number(`${key}`.slice(4)) % 1000 >= 400) cache.delete(key);
    }
    assertKeeps(cache);
  });
});

Deno.test("A scan of keys that are used once pushes nothing out that was used", async () => {
  for (const byteLength of [65536, MIB]) {
    for (const length of [20, 200, 2000]) {
      await withCache({ byteLength }, (cache) => {
        const count = Math.floor(byteLength / (length + 80) / 4);
        // No room is left but that of what was not used.
        for (let i = 0; i < 6 * count; i++) cache.set(`old ${i}`, valueOf(i, length));
        for (let i = 0; i < count; i++) {
          cache.set(`key ${i}`, valueOf(i, length));
          assert(cache.get(`key ${i}`));
        }
        for (let i = 0; i < 40 * count; i++) cache.set(`scan ${i}`, valueOf(i, length));
        assertEquals(missingOf(cache, count), [], `${byteLength} ${length}`);
        assert(cache.stats().evicted > count);
      });
    }
  }
});

Deno.test("SharedCache counts getEntry() as a use, unless told otherwise, and set() and has() as none", async () => {
  await withCache({ byteLength: 65536 }, (cache) => {
    // So that there is no room but that of what was not used.
    for (let i = 0; i < 1000; i++) {
      cache.set(`old ${i}`, valueOf(i, 100));
      cache.get(`old ${i}`);
    }
    for (const key of ["used", "looked at", "peeked", "set"]) cache.set(key, valueOf(1, 100));
    cache.getEntry("used");
    cache.has("looked at");
    cache.getEntry("peeked", { use: false });
    cache.set("set", valueOf(2, 100));
    for (let i = 0; i < 5000; i++) cache.set(`scan ${i}`, valueOf(i, 100));
    assertEquals(["used", "looked at", "peeked", "set"].filter((key) => cache.has(key)), ["used"]);
  });
});

Deno.test("SharedCache.byteLength() is enough for 95 % of so many entries", () => {
  const next = random(5);
  for (const entries of [1, 10, 100, 5000, 50_000]) {
    for (const average of [undefined, 20, 100, 4000]) {
      if (entries * (average ?? 256) > 3e7) continue;
      const options = average === undefined ? {} : { averageEntryByteLength: average };
      const byteLength = SharedCache.byteLength({ entries, ...options });
      using region = MmapRegion.anonymous(byteLength);
      using cache = SharedCache.open(region, options);
      const length = (average ?? 256) - 10;
      let kept = 0;
      for (let i = 0; i < entries; i++) {
        cache.set(`key ${i}`, new Uint8Array(next() % (2 * length)));
      }
      for (let i = 0; i < entries; i++) if (cache.has(`key ${i}`)) kept++;
      assert(kept >= 0.95 * entries, `${kept} of ${entries} of ${average}`);
    }
  }
});

Deno.test("SharedCache.set() with evict: false throws WriteZero when there is no room", async () => {
  for (const length of [10, 300, 5000]) {
    await withCache({ byteLength: 65536 }, (cache) => {
      const fill = (): number => {
        for (let i = 0;; i++) {
          try {
            cache.set(`key ${i}`, valueOf(i, length), { evict: false });
          } catch (error) {
            assert(error instanceof Deno.errors.WriteZero, String(error));
            return i;
          }
        }
      };
      const count = fill();
      assert(count * (length + 80) > 65536 / 2, `${count} of ${length}`);
      assertEquals(missingOf(cache, count), []);
      assertEquals(cache.stats().evicted, 0);
      // No more bytes need no room, and one that is deleted makes room for another one.
      for (let i = 0; i < count; i++) {
        cache.set(`key ${i}`, valueOf(i, length - i % 7), { evict: false });
        cache.update(`key ${i}`, () => valueOf(i, length - i % 7), { evict: false });
      }
      for (let i = 0; i < 3 * count; i++) {
        const key = `key ${(i * 7) % count}`;
        if (!cache.delete(key)) continue;
        cache.set(key, valueOf(i, length), { evict: false });
      }
      assertThrows(() => {
        for (let i = 0;; i++) cache.increment(`new ${i}`, 1, { evict: false });
      }, Deno.errors.WriteZero);
      assertEquals(missingOf(cache, count), []);
    });
  }
});

Deno.test("SharedCache.set() with evict: false takes the room of what has expired", async () => {
  using clock = new Clock();
  await withCache({ byteLength: 65536 }, (cache) => {
    for (let i = 0; i < 100; i++) cache.set(`old ${i}`, valueOf(i, 300), { ttl: 5, evict: false });
    assertThrows(() => {
      for (let i = 0; i < 1000; i++) cache.set(`key ${i}`, valueOf(i, 300), { evict: false });
    }, Deno.errors.WriteZero);
    const before = [...cache.keys()].length;
    clock.now += 5;
    let more = 0;
    assertThrows(() => {
      for (;; more++) cache.set(`more ${more}`, valueOf(more, 300), { evict: false });
    }, Deno.errors.WriteZero);
    assert(more >= 95 && before > 110, `${more} ${before}`);
  });
});
