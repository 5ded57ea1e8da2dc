/** Caches whose memory others have filled with nonsense, or that are not caches. */

import { number, SharedCache } from "@mmap/mmap/collections";
import { MmapRegion } from "@mmap/mmap";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { withTempDir } from "../../_files.ts";
import { random } from "../_random.ts";
import { Clock, valueOf } from "./_caches.ts";

const BYTE_LENGTH = 65536;

/** A cache with all kinds of entries, as bytes: the same ones for the same seed of its hash. */
function wholeCache(seed = 0): Uint8Array {
  using region = MmapRegion.anonymous(BYTE_LENGTH);
  using cache = openSeeded(region, seed);
  for (let i = 0; i < 600; i++) {
    cache.set(`key ${i % 300}`, valueOf(i, i * 31 % 300), i % 4 === 0 ? { ttl: 1e9 } : {});
    if (i % 3 === 0) cache.get(`key ${i % 100}`);
  }
  cache.namespace("other").set("key", valueOf(1, 100));
  cache.increment("number");
  return region.bytes.slice();
}

/** Makes a cache, whose hash has a seed that is not random. */
function openSeeded(region: MmapRegion, seed: number): SharedCache<Uint8Array> {
  const { getRandomValues } = crypto;
  crypto.getRandomValues = (array) => {
    if (array instanceof Int32Array) array[0] = seed;
    return array;
  };
  try {
    return SharedCache.open(region, { averageEntryByteLength: 2000 });
  } finally {
    crypto.getRandomValues = getRandomValues;
  }
}

/** What callers do with a cache. */
const CALLS: ((cache: SharedCache<Uint8Array>, i: number) => unknown)[] = [
  (cache, i) => cache.get(`key ${i % 300}`),
  (cache, i) => cache.getEntry(`key ${i % 300}`, { stale: true }),
  (cache, i) => cache.set(`key ${i % 300}`, valueOf(i, i * 37 % 500)),
  (cache, i) => cache.set(`new ${i}`, valueOf(i, 3000)),
  (cache, i) => cache.set(`new ${i}`, valueOf(i, 50), { evict: false }),
  (cache, i) => cache.update(`key ${i % 300}`, (value) => value && valueOf(i, value.length + 1)),
  (cache, i) => cache.delete(`key ${i % 300}`),
  (cache, i) => cache.take(`key ${i % 300}`),
  (cache) => cache.increment("number"),
  (cache, i) => cache.touch(`key ${i % 300}`, 5000),
  (cache) => cache.purge(10),
  (cache) => [...cache.keys()].length,
  (cache) => [...cache.entries()].length,
  (cache) => cache.stats(),
  (cache) => cache.namespace("other").get("key"),
  (cache) => cache.clear(),
];

/** The errors that nonsense may give. */
function assertAllowed(error: unknown): void {
  const isOne = error instanceof Deno.errors.InvalidData ||
    error instanceof Deno.errors.WriteZero || error instanceof Deno.errors.AlreadyExists ||
    error instanceof TypeError && error.message.includes("not a number of 8 bytes");
  assert(isOne, String((error as Error).stack));
}

/** Uses what is in the memory, which never changes the header. @returns whether it could be opened */
function useAll(region: MmapRegion): boolean {
  const header = region.bytes.slice(0, 64);
  const opened = callAll(region);
  assertEquals(region.bytes.slice(0, 64), header);
  return opened;
}

function callAll(region: MmapRegion): boolean {
  let cache: SharedCache;
  try {
    cache = SharedCache.open(region);
  } catch (error) {
    assertAllowed(error);
    return false;
  }
  using _cache = cache;
  for (let i = 0; i < 60; i++) {
    for (const call of CALLS.slice(0, i % 10 === 9 ? CALLS.length - 1 : 10)) {
      try {
        const value = call(cache, i * 7);
        if (value instanceof Uint8Array) assert(value.length <= BYTE_LENGTH);
      } catch (error) {
        assertAllowed(error);
      }
    }
  }
  return true;
}

/** A lock word that names nobody's holder would be waited for: it is another test's. */
function keepLocks(bytes: Uint8Array, whole: Uint8Array): void {
  bytes.set(whole.subarray(64, 128), 64);
  bytes.set(whole.subarray(8192, 8192 + 64), 8192);
}

/** Changes some words of the header, the controls, or what lies behind them. */
function spoil(words: Int32Array, next: () => number): void {
  const ranges = [[0, 300], [8192 / 4, 32], [8320 / 4, (BYTE_LENGTH - 8320) / 4]] as const;
  for (let k = next() % 40; k >= 0; k--) {
    const [from, length] = ranges[next() % 20 === 0 ? 0 : 1 + next() % 2]!;
    const values = [0, -1, 0x7fffffff, 1, next(), next() % 4096, 0x7ff00000, 0xfff00000];
    words[from + next() % length] = values[next() % values.length]!;
  }
}

Deno.test("A cache whose bytes are nonsense gives errors or misses, and never crashes or hangs", () => {
  using _clock = new Clock();
  using region = MmapRegion.anonymous(BYTE_LENGTH);
  const { bytes } = region;
  const words = region.view(Int32Array);
  for (const seed of [3, 110, 262, 434]) {
    const whole = wholeCache(Math.imul(seed, 0x9e3779b1));
    const next = random(seed);
    let opened = 0;
    for (let round = 0; round < 250; round++) {
      bytes.set(whole);
      spoil(words, next);
      keepLocks(bytes, whole);
      if (useAll(region)) opened++;
    }
    assert(opened > 125, `${opened}`);
  }
});

Deno.test("A cache that is all random bytes behind its header gives errors or misses", () => {
  const whole = wholeCache();
  using region = MmapRegion.anonymous(BYTE_LENGTH);
  const { bytes } = region;
  const next = random(4);
  for (let round = 0; round < 60; round++) {
    for (let at = 0; at < BYTE_LENGTH; at += 4) new DataView(bytes.buffer).setInt32(at, next());
    bytes.set(whole.subarray(0, 4096));
    keepLocks(bytes, whole);
    assert(useAll(region));
  }
});

Deno.test("A chain of entries that is a ring ends", () => {
  const whole = wholeCache();
  using region = MmapRegion.anonymous(BYTE_LENGTH);
  region.bytes.set(whole);
  const words = region.view(Int32Array);
  // Every word that may be a link leads to the same entry, whose next one is itself.
  for (let at = 8320 / 4; at < words.length; at++) {
    if (words[at] !== 0 && Math.abs(words[at]! & 0x7fffffff) < 4096) words[at] = 0x80000000 | 100;
  }
  assert(useAll(region));
});

Deno.test("A writer that meets a chain that is a ring does not hang", () => {
  using region = MmapRegion.anonymous(BYTE_LENGTH);
  using cache = SharedCache.open(region, { averageEntryByteLength: 2000 });
  for (let i = 0; i < 1000; i++) cache.set(`key ${i}`, valueOf(i, 100));
  const whole = region.bytes.slice();
  const words = region.view(Int32Array);
  // The last cells of buckets; each chain is made to go back to its first entry.
  let rings = 0;
  for (let cell = 8320 / 4 + 14; cell < 8320 / 4 + 16 * 40; cell += 16) {
    region.bytes.set(whole);
    const first = words[cell]! & 0x7fffffff;
    if (words[cell]! >= 0) continue;
    rings++;
    for (let at = 8320 / 4; at < words.length - 12; at += 4) {
      if (words[at + 6] === first) words[at + 6] = 0;
    }
    for (let at = words.length - 16; at > cell; at -= 4) {
      // Entries have their length behind their version.
      if (words[at + 2] === 10 && words[at + 6] !== 0) words[at + 6] = first;
    }
    for (let i = 0; i < 300; i++) {
      try {
        cache.set(`new ${i}`, valueOf(i, 100));
      } catch (error) {
        assertAllowed(error);
      }
    }
  }
  assert(rings > 3, `${rings}`);
});

/** Words of the controls: the tails and heads of both rings, and what their heads left out. */
const SMALL_TAIL = 16, SMALL_HEAD = 17, MAIN_TAIL = 18, MAIN_HEAD = 19, LARGEST = 28;
const SMALL_PAD = 29, MAIN_PAD = 30;

const DAMAGES: [name: string, damage: (controls: Int32Array) => void][] = [
  ["a tail within an entry", (controls) => controls[MAIN_TAIL] = 5],
  ["a head within an entry", (controls) => {
    controls[MAIN_HEAD] = controls[MAIN_TAIL]! + 1;
    controls[LARGEST] = -1;
  }],
  ...[SMALL_TAIL, SMALL_HEAD, MAIN_TAIL, MAIN_HEAD, SMALL_PAD, MAIN_PAD].flatMap((word) =>
    [-1, 4000].map((value): (typeof DAMAGES)[number] => [
      `${value} in word ${word}`,
      (controls) => controls[word] = value,
    ])
  ),
];

for (const [name, damage] of DAMAGES) {
  Deno.test(`A damaged shard is empty and works again, once a writer has seen the damage: ${name}`, () => {
    using region = MmapRegion.anonymous(BYTE_LENGTH);
    using cache = SharedCache.open(region);
    for (let i = 0; i < 400; i++) cache.set(`key ${i}`, valueOf(i, 100));
    damage(region.view(Int32Array, 8192));
    let failed = 0;
    for (let i = 0; i < 2000; i++) {
      try {
        cache.set(`new ${i}`, valueOf(i, 100));
        cache.get(`new ${i}`);
      } catch (error) {
        assert(error instanceof Deno.errors.InvalidData);
        failed++;
      }
    }
    assertEquals(failed, 1);
    assertEquals(cache.get("new 1999"), valueOf(1999, 100));
  });
}

Deno.test("A walk ends that would jump over the head for ever, as no turn leaves a unit out", () => {
  using region = MmapRegion.anonymous(BYTE_LENGTH);
  using cache = SharedCache.open(region);
  // The shortest entries: rings have room for a whole number of them. Used ones come into the main ring.
  for (let i = 1000; i < 3000; i++) {
    cache.set(`key ${i}`, valueOf(i, 7));
    cache.get(`key ${i}`);
  }
  region.view(Int32Array, 8192)[MAIN_HEAD]! += 2;
  cache.clear();
  // Longer than the small ring.
  const long = new Uint8Array(6000);
  assert(cache.set("long", long));
  assertEquals(cache.get("long"), long);
});

Deno.test("An update whose old value says that it is much longer than it is does not hang", () => {
  using region = MmapRegion.anonymous(BYTE_LENGTH);
  using cache = SharedCache.open(region);
  // Longer than the small ring.
  const long = new Uint8Array(6000);
  assert(cache.set("old", long));
  const words = region.view(Int32Array);
  // The length of the value is the fifth word of an entry, and the entry's own in units the third.
  const entry = words.findLastIndex((word) => word === long.length) - 4;
  // Nearly a third of the main ring, so that it can go around.
  words[8192 / 4 + MAIN_HEAD]! += 900 - words[entry + 2]!;
  words[entry + 2] = 900;
  words[8192 / 4 + LARGEST] = -1;
  assertThrows(() => cache.update("old", () => new Uint8Array(7000)), Deno.errors.InvalidData);
  assertEquals(cache.get("old"), undefined);
});

Deno.test("SharedCache.open() tells what is there instead of a cache of this version", async () => {
  await withTempDir((dir) => {
    const path = join(dir, "file");
    const whole = wholeCache();
    const cases: [(words: Int32Array) => void, RegExp][] = [
      [(words) => words.fill(0x41414141, 0, 16), /holds no collection/],
      [(words) => words[2] = 0, /version 0 of the format, and this module reads 1/],
      [(words) => words[2] = 7, /version 7/],
      [(words) => words[10]! ^= 1, /header is damaged/],
    ];
    for (const [change, message] of cases) {
      const bytes = whole.slice();
      change(new Int32Array(bytes.buffer));
      Deno.writeFileSync(path, bytes);
      const error = assertThrows(() => SharedCache.open(path), Deno.errors.InvalidData);
      assert(message.test(error.message), error.message);
      assertEquals(Deno.readFileSync(path), bytes);
    }
    Deno.writeFileSync(path, whole.subarray(0, 50_000));
    assertThrows(() => SharedCache.open(path), Deno.errors.InvalidData, "65536");
    Deno.writeFileSync(path, new Uint8Array(100));
    assertThrows(() => SharedCache.open(path), Deno.errors.InvalidData, "too short");
    using region = MmapRegion.anonymous(BYTE_LENGTH);
    region.bytes[30_000] = 1;
    assertThrows(() => SharedCache.open(region), Deno.errors.InvalidData, "not all zeros");
  });
});

Deno.test("A number of somebody's own making is a TypeError where numbers are counted", () => {
  using region = MmapRegion.anonymous(BYTE_LENGTH);
  using cache = SharedCache.open(region);
  cache.set("key", new Uint8Array(7));
  assertThrows(() => cache.increment("key"), TypeError);
  cache.set("key", number.encode(5));
  assertEquals(cache.increment("key"), 6);
});
