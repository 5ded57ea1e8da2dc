/** Writers that die between any two stores, and what they leave. */

import { SharedCache, type SharedCacheOptions } from "@mmap/mmap/collections";
import { MmapRegion } from "@mmap/mmap";
import { assert, assertEquals } from "@std/assert";
import { NEXT_LOOK } from "../../../src/collections/cache/cache_layout.ts";
import { valueOf } from "./_caches.ts";
import { dieAfter } from "./_steps.ts";

const BYTE_LENGTH = 65536;
/** The controls of the first shard, in words. */
const CONTROLS = 8192 / 4;

type Content = Map<string, string>;

function contentOf(cache: SharedCache<Uint8Array>): Content {
  return new Map([...cache].map(([key, value]) => [key as string, value.join()]));
}

interface Case {
  readonly options?: SharedCacheOptions;
  /** Fills the cache. */
  readonly fill: (cache: SharedCache<Uint8Array>) => void;
  readonly act: (cache: SharedCache<Uint8Array>) => void;
  /** The key that it is about, and what it may have after a death, by what it had and has. */
  readonly key: string;
  readonly mayLose: boolean;
  /** Whether entries have to be moved to make room. */
  readonly moves?: boolean;
}

const some = (cache: SharedCache<Uint8Array>): void => {
  for (let i = 0; i < 60; i++) cache.set(`key ${i}`, valueOf(i, 100));
  cache.increment("number", 41);
};

/** Full, with holes, and with entries that were used. */
const full = (cache: SharedCache<Uint8Array>): void => {
  for (let i = 0; i < 700; i++) {
    cache.set(`key ${i}`, valueOf(i, 60 + i % 50));
    if (i % 3 === 0) cache.get(`key ${i}`);
    if (i % 5 === 0) cache.set(`key ${i - 20}`, valueOf(i - 20, 200));
  }
  cache.increment("number", 41);
};

/** All that lives has to be moved to find the holes between. */
const holes = (cache: SharedCache<Uint8Array>): void => {
  for (let i = 0; i < 170; i++) cache.set(`key ${i}`, valueOf(i, 200));
  for (let i = 0; i < 170; i += 3) cache.delete(`key ${i}`);
};

const chains: SharedCacheOptions = { averageEntryByteLength: 10_000 };

const CASES: Record<string, Case> = {
  "set() of a new key": {
    fill: some,
    act: (cache) => cache.set("new", valueOf(1, 100)),
    key: "new",
    mayLose: true,
  },
  "set() of a new key in a full cache": {
    fill: full,
    act: (cache) => cache.set("new", valueOf(1, 1000)),
    key: "new",
    mayLose: true,
  },
  "set() of a new key in a full cache with overfull buckets": {
    options: chains,
    fill: full,
    act: (cache) => cache.set("new", valueOf(1, 1000)),
    key: "new",
    mayLose: true,
  },
  "set() where there are holes": {
    fill: holes,
    act: (cache) => cache.set("new", valueOf(1, 4500), { evict: false }),
    key: "new",
    moves: true,
    mayLose: true,
  },
  "set() in place": {
    fill: some,
    act: (cache) => cache.set("key 7", valueOf(1, 99)),
    key: "key 7",
    mayLose: true,
  },
  "set() to a longer value": {
    options: chains,
    fill: some,
    act: (cache) => cache.set("key 7", valueOf(1, 300)),
    key: "key 7",
    mayLose: true,
  },
  "delete()": {
    fill: full,
    act: (cache) => cache.delete("key 600"),
    key: "key 600",
    mayLose: true,
  },
  "delete() in an overfull bucket": {
    options: chains,
    fill: some,
    act: (cache) => cache.delete("key 7"),
    key: "key 7",
    mayLose: true,
  },
  "take()": { fill: some, act: (cache) => cache.take("key 7"), key: "key 7", mayLose: true },
  "touch()": {
    fill: some,
    act: (cache) => cache.touch("key 7", 1e6),
    key: "key 7",
    mayLose: false,
  },
  "update()": {
    fill: some,
    act: (cache) => cache.update("key 7", () => valueOf(1, 90)),
    key: "key 7",
    mayLose: false,
  },
  "update() in a full cache": {
    fill: full,
    act: (cache) => cache.update("key 600", () => valueOf(1, 1500)),
    key: "key 600",
    mayLose: false,
  },
  "update() of what is at the tail": {
    fill: (cache) => {
      full(cache);
      const [first] = [...cache.keys()].map((key) => Number(`${key}`.slice(4))).sort((a, b) =>
        a - b
      );
      cache.set("first", valueOf(first!, 8));
    },
    act: (cache) => {
      const keys = [...cache.keys()].filter((key) => `${key}`.startsWith("key "));
      const [first] = keys.map((key) => Number(`${key}`.slice(4))).sort((a, b) => a - b);
      cache.update(`key ${first}`, () => valueOf(1, 3000));
    },
    key: "*",
    mayLose: true,
  },
  "increment()": {
    fill: full,
    act: (cache) => cache.increment("number"),
    key: "number",
    mayLose: false,
  },
  "increment() of a new number": {
    fill: full,
    act: (cache) => cache.increment("new number"),
    key: "new number",
    mayLose: true,
  },
  "compareAndSet()": {
    options: chains,
    fill: some,
    act: (cache) => cache.compareAndSet("key 7", cache.getEntry("key 7")!.version, valueOf(1, 300)),
    key: "key 7",
    mayLose: false,
  },
};

/** Everything goes on: what is set is there, and nothing is made up. */
function assertGoesOn(cache: SharedCache<Uint8Array>): void {
  for (let i = 0; i < 100; i++) {
    const key = `after ${i % 40}`;
    assert(cache.set(key, valueOf(i, i * 37 % 400)));
    assertEquals(cache.get(key), valueOf(i, i * 37 % 400));
  }
  cache.update("key 7", () => valueOf(7, 333));
  assertEquals(cache.get("key 7"), valueOf(7, 333));
  assertEquals(cache.increment("last"), 1);
}

for (const [name, { options, fill, act, key, mayLose, moves }] of Object.entries(CASES)) {
  Deno.test(`SharedCache.${name}: a death at any store loses at most what it writes`, () => {
    using region = MmapRegion.anonymous(BYTE_LENGTH);
    const bytes = region.bytes;
    using cache = SharedCache.open(region, options);
    fill(cache);
    const before = contentOf(cache);
    const snapshot = bytes.slice();
    const { moved } = cache.stats();
    const { stores } = dieAfter(Infinity, () => act(cache));
    assert(!moves || cache.stats().moved > moved + 10, "nothing is moved");
    const after = contentOf(cache);
    assert(stores > 0);
    for (let count = 0; count <= stores; count++) {
      bytes.set(snapshot);
      const { died } = dieAfter(count, () => act(cache));
      assertEquals(died, count < stores);
      // As whoever gets the lock from the dead.
      region.view(Float64Array)[CONTROLS + NEXT_LOOK >> 1] = 0;
      const found = contentOf(cache);
      for (const [key, value] of found) {
        assertEquals(cache.get(key)?.join(), value);
        assert(value === before.get(key) || value === after.get(key), `${key} after ${count}`);
      }
      // What makes room may be missing; nothing else is.
      const missing = [...before.keys()].filter((one) => !found.has(one) && one !== key);
      assertEquals(missing.filter((one) => after.has(one)), [], `after ${count}`);
      if (!mayLose) assert(found.has(key), `${key} after ${count}`);
      assertGoesOn(cache);
    }
  });
}
