/** What the members of a cache do. */

import {
  bytes,
  type Codec,
  type CodecLike,
  json,
  number,
  SharedArray,
  SharedCache,
  SharedMap,
  text,
} from "@mmap/mmap/collections";
import { MmapRegion } from "@mmap/mmap";
import { f64, i32, struct, u8 } from "@mmap/mmap/struct";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { withTempDir } from "../../_files.ts";
import { random } from "../_random.ts";
import { MIB, valueOf, withCache } from "./_caches.ts";

const encoder = new TextEncoder();

Deno.test("A key is the same as text and as bytes, and comes back as it was set", async () => {
  await withCache({ codec: number }, (cache) => {
    for (const key of ["", "a", "ключ", "k".repeat(1024)]) {
      cache.set(key, 1);
      assertEquals(cache.get(encoder.encode(key)), 1);
      assertEquals([...cache.keys()], [key]);
      cache.set(encoder.encode(key), 2);
      assertEquals([cache.get(key), [...cache.keys()]], [2, [encoder.encode(key)]]);
      assertEquals([cache.delete(key), cache.has(key)], [true, false]);
    }
    const long = "k".repeat(1025);
    for (const key of [long, encoder.encode(long), "ключ".repeat(200)]) {
      assertThrows(() => cache.set(key, 1), RangeError, "a key must be at most 1024 bytes");
      assertThrows(() => cache.increment(key), RangeError);
      assertThrows(() => cache.update(key, () => 1), RangeError);
      assertThrows(() => cache.compareAndSet(key, 1, 1), RangeError);
      assertEquals([cache.get(key), cache.has(key), cache.delete(key)], [undefined, false, false]);
      assertEquals([cache.getEntry(key), cache.take(key), cache.touch(key, 1)], [
        undefined,
        undefined,
        false,
      ]);
    }
    for (const key of [1, null, [1]]) assertThrows(() => cache.get(key as never), TypeError);
    assertEquals([...cache.keys()], []);
  });
});

Deno.test("SharedCache.set() sets under its condition only", async () => {
  await withCache({ codec: text }, (cache) => {
    assertEquals(cache.set("key", "1", { if: "present" }), false);
    assertEquals(cache.has("key"), false);
    assertEquals(cache.set("key", "1", { if: "absent" }), true);
    assertEquals(cache.set("key", "2", { if: "absent" }), false);
    assertEquals(cache.get("key"), "1");
    assertEquals(cache.set("key", "3", { if: "present" }), true);
    assertEquals(cache.get("key"), "3");
    assertThrows(() => cache.set("key", "4", { if: "there" as never }), TypeError, "absent");
  });
});

Deno.test("A value that is too long leaves the old one", async () => {
  await withCache({ maxEntryByteLength: 1000 }, (cache) => {
    assertEquals(cache.set("key", valueOf(1, 997)), true);
    assertEquals(cache.set("key", valueOf(2, 998)), false);
    assertThrows(
      () => cache.update("key", () => valueOf(2, 998)),
      RangeError,
      "at most 1000 bytes",
    );
    const { version } = cache.getEntry("key")!;
    assertThrows(() => cache.compareAndSet("key", version, valueOf(2, 998)), RangeError);
    assertThrows(() => cache.increment("k".repeat(995)), RangeError);
    assertEquals(cache.get("key"), valueOf(1, 997));
    assertEquals(cache.stats().rejected, 4);
  });
});

Deno.test("Values of every length come back, whatever they are rewritten to", async () => {
  await withCache({ byteLength: MIB }, (cache) => {
    for (let round = 0; round < 300; round++) {
      for (const key of ["a", "b", "c"]) {
        const length = (round * 7919 + key.charCodeAt(0) * 31) % 3000;
        cache.set(key, valueOf(round, length));
        assertEquals(cache.get(key), valueOf(round, length));
      }
    }
  });
});

Deno.test("SharedCache.delete() and take() remove a key for good", async () => {
  await withCache({ codec: text }, (cache) => {
    cache.set("a", "1");
    cache.set("b", "2");
    assertEquals([cache.delete("a"), cache.delete("a"), cache.get("a")], [true, false, undefined]);
    assertEquals([cache.take("b"), cache.take("b"), cache.has("b")], ["2", undefined, false]);
    assertEquals([...cache.keys()], []);
  });
});

Deno.test("SharedCache.update() changes, makes and removes in one step", async () => {
  await withCache({ codec: json }, (cache) => {
    const add = (list: number[] | undefined): number[] => [...list ?? [], 1];
    assertEquals(cache.update("key", add), [1]);
    assertEquals(cache.update("key", add), [1, 1]);
    assertEquals(cache.get("key"), [1, 1]);
    const error = new Error("no");
    assertStrictEquals(
      assertThrows(() =>
        cache.update("key", () => {
          throw error;
        })
      ),
      error,
    );
    assertThrows(() => cache.update("key", () => (() => {}) as never), TypeError);
    assertEquals(cache.get("key"), [1, 1]);
    assertEquals(cache.update("key", () => undefined), undefined);
    assertEquals([cache.has("key"), cache.update("none", () => undefined)], [false, undefined]);
    assertThrows(() => cache.update("key", "x" as never), TypeError, "change must be a function");
    assertThrows(() => cache.update("key", add, { if: "absent" } as never), TypeError, "'if'");
  });
});

const CALLS: Record<string, (cache: SharedCache<Uint8Array>) => unknown> = {
  get: (cache) => cache.get("key"),
  getEntry: (cache) => cache.getEntry("key"),
  has: (cache) => cache.has("key"),
  set: (cache) => cache.set("other", valueOf(1, 10)),
  delete: (cache) => cache.delete("key"),
  take: (cache) => cache.take("key"),
  touch: (cache) => cache.touch("key", 1),
  update: (cache) => cache.update("key", () => undefined),
  increment: (cache) => cache.increment("other"),
  compareAndSet: (cache) => cache.compareAndSet("key", 1, valueOf(1, 10)),
  namespace: (cache) => cache.namespace("name"),
  keys: (cache) => [...cache.keys()],
  entries: (cache) => [...cache.entries()],
  "[Symbol.iterator]": (cache) => [...cache],
  clear: (cache) => cache.clear(),
  purge: (cache) => cache.purge(),
  stats: (cache) => cache.stats(),
  close: (cache) => cache.close(),
};
for (const [name, call] of Object.entries(CALLS)) {
  Deno.test(`SharedCache.${name}() in the function of update() throws Busy`, async () => {
    await withCache({}, (cache) => {
      cache.set("key", valueOf(1, 10));
      const view = cache.namespace("other");
      for (const other of [cache, view]) {
        if (other === view && name === "close") continue;
        cache.update("key", (value) => {
          assertThrows(() => call(other), Deno.errors.Busy);
          return value;
        });
      }
      assertEquals(cache.get("key"), valueOf(1, 10));
      assertEquals([...cache.keys()], ["key"]);
    });
  });

  if (name === "close") continue;
  Deno.test(`SharedCache.${name}() throws BadResource if the cache is closed`, async () => {
    await withCache({}, (cache) => {
      const view = cache.namespace("other");
      cache.set("key", valueOf(1, 10));
      cache.close();
      cache.close();
      assertEquals([cache.closed, view.closed], [true, true]);
      assertThrows(() => call(cache), Deno.errors.BadResource);
      assertThrows(() => call(view), Deno.errors.BadResource);
    });
  });
}

Deno.test("Another object of the same cache does not wait for itself in update()", async () => {
  await withCache({ codec: number }, (cache, region) => {
    using other = SharedCache.open(region, { codec: number });
    cache.set("key", 1);
    cache.update("key", () => {
      assertEquals(other.get("key"), 1);
      assertThrows(() => other.set("key", 2), Deno.errors.Busy);
      return 3;
    });
    assertEquals(other.get("key"), 3);
  });
});

Deno.test("SharedCache.increment() counts, and refuses what is no number", async () => {
  await withCache({ codec: text }, (cache) => {
    assertEquals([cache.increment("n"), cache.increment("n", 2.5), cache.increment("n", -4)], [
      1,
      3.5,
      -0.5,
    ]);
    assertEquals(cache.increment("m", 2, { initial: 40 }), 42);
    assertEquals(cache.increment("m", 2, { initial: 40 }), 44);
    cache.set("text", "no number");
    assertThrows(() => cache.increment("text"), TypeError, "not a number");
    assertThrows(() => cache.increment("n", "1" as never), TypeError);
    assertThrows(() => cache.increment("n", NaN), TypeError);
    assertEquals(cache.get("text"), "no number");
    const numbers = cache.namespace("numbers", { codec: number });
    numbers.set("n", 7);
    assertEquals([numbers.increment("n", 0.25), numbers.get("n")], [7.25, 7.25]);
  });
});

Deno.test("SharedCache.compareAndSet() sets what nobody has changed, and versions never come again", async () => {
  await withCache({ codec: number }, (cache) => {
    assertEquals(cache.compareAndSet("key", 0, 1), false);
    const versions = new Set<number>();
    const note = (): number => {
      const { version } = cache.getEntry("key")!;
      assert(!versions.has(version) && Number.isSafeInteger(version));
      versions.add(version);
      return version;
    };
    const changes: (() => unknown)[] = [
      () => cache.set("key", 1),
      () => cache.set("key", 1),
      () => cache.increment("key"),
      () => cache.update("key", () => 5),
      () => cache.compareAndSet("key", cache.getEntry("key")!.version, 6),
      () => cache.delete("key") && cache.set("key", 1),
    ];
    let old = -1;
    for (let i = 0; i < 30; i++) {
      changes[i % changes.length]!();
      assertEquals(cache.compareAndSet("key", old, 7), false);
      old = note();
    }
    assertEquals(cache.compareAndSet("key", old, 7), true);
    assertEquals([cache.get("key"), cache.compareAndSet("key", old, 8)], [7, false]);
    cache.touch("key", 1e6);
    assertEquals(cache.compareAndSet("key", cache.getEntry("key")!.version, 9), true);
  });
});

const Point = struct({ x: i32, y: f64 });

Deno.test("Codecs make bytes of values, and InvalidData of bytes that are none of theirs", async () => {
  await withCache({}, (cache) => {
    const cases: [string, CodecLike<unknown>, unknown[]][] = [
      ["bytes", bytes, [valueOf(1, 9), new Uint8Array()]],
      ["text", text, ["", "ключ", "\ufeffmark"]],
      ["json", json, [null, 1, "a", [{ b: [] }]]],
      ["number", number, [0, -0.5, Infinity, NaN]],
      ["struct", Point, [{ x: -1, y: 0.5 }]],
    ] as [string, CodecLike<unknown>, unknown[]][];
    for (const [name, codec, values] of cases) {
      const view = cache.namespace<unknown>(name, { codec });
      for (const value of values) {
        view.set("key", value);
        assertEquals(view.get("key"), value);
        assertEquals(view.getEntry("key")!.value, value);
        assertEquals([...view.entries()], [["key", value]]);
        assertEquals(view.take("key"), value);
      }
    }
    assertThrows(() => text.decode(new Uint8Array([255])), Deno.errors.InvalidData);
    assertThrows(() => json.decode(encoder.encode("{")), Deno.errors.InvalidData);
    assertThrows(() => number.decode(valueOf(1, 7)), Deno.errors.InvalidData);
    assertThrows(() => text.encode(1 as never), TypeError);
    assertThrows(() => number.encode("1" as never), TypeError);
    assertThrows(() => json.encode(undefined), TypeError);
    assertThrows(() => cache.set("key", "text" as never), TypeError);
    assertThrows(() => cache.namespace("x", { codec: {} as never }), TypeError, "codec.encode");
  });
});

Deno.test("What increment() made is InvalidData where the codec says something else", async () => {
  await withCache({ codec: json }, (cache) => {
    cache.increment("n", 1e300);
    for (const read of [() => cache.get("n"), () => cache.getEntry("n"), () => [...cache]]) {
      assertThrows(read, Deno.errors.InvalidData, "JSON");
    }
    assertThrows(() => cache.update("n", () => 1), Deno.errors.InvalidData);
    assertEquals(cache.increment("n", 0), 1e300);
  });
});

Deno.test("A struct as a codec has the types of its fields", async () => {
  using region = MmapRegion.anonymous(MIB);
  using cache = SharedCache.open(region, { codec: Point });
  cache.set("p", { x: 1, y: 2 });
  const y: number = cache.get("p")!.y;
  assertEquals(y, 2);
  assertThrows(
    () => SharedCache.open(region, { codec: struct({ x: u8 }) }),
    Deno.errors.AlreadyExists,
  );
  using again = SharedCache.open(region, { codec: struct({ x: i32, y: f64 }) });
  assertEquals(again.get("p"), { x: 1, y: 2 });
  await Promise.resolve();
});

Deno.test("Namespaces have keys, lifetime and codec of their own, the same in every object", async () => {
  await withCache({ codec: text }, (cache, region) => {
    const a = cache.namespace("a");
    const b = cache.namespace("b", { codec: number });
    cache.set("key", "cache");
    a.set("key", "a");
    b.set("key", 1);
    const inner = a.namespace("b");
    assertEquals(inner.has("key"), false);
    assertEquals([cache.get("key"), a.get("key"), b.get("key")], ["cache", "a", 1]);
    assertEquals([[...cache.keys()], [...a.entries()]], [["key"], [["key", "a"]]]);
    assertThrows(() => cache.namespace("b"), Deno.errors.AlreadyExists, "another codec");
    using other = SharedCache.open(region, { codec: text });
    assertEquals(other.namespace("a").get("key"), "a");
    a.clear();
    assertEquals([a.has("key"), b.get("key"), cache.get("key")], [false, 1, "cache"]);
    a.set("key", "anew");
    assertEquals(other.namespace("a").get("key"), "anew");
    other.clear();
    assertEquals([a.has("key"), b.has("key"), cache.has("key")], [false, false, false]);
    assertEquals(cache.stats().entries, 0);
    a.close();
    assertThrows(() => a.get("key"), Deno.errors.BadResource);
    assertEquals([cache.closed, cache.get("key")], [false, undefined]);
    for (let i = 3; i < 127; i++) cache.namespace(`${i}`);
    assertThrows(() => cache.namespace("127"), Deno.errors.WriteZero, "127");
    assertThrows(() => cache.namespace(1 as never), TypeError);
  });
});

Deno.test("SharedCache keeps decoded values as long as they are valid", async () => {
  await withCache({ codec: json, local: 2 }, (cache, region) => {
    using other = SharedCache.open<unknown>(region, { codec: json });
    cache.set("a", { n: 1 });
    const first = cache.get("a");
    assertStrictEquals(cache.get("a"), first);
    other.set("a", { n: 2 });
    assertEquals(cache.get("a"), { n: 2 });
    cache.set("b", {});
    cache.set("c", {});
    const b = cache.get("b");
    const c = cache.get("c");
    assertStrictEquals(cache.get("b"), b);
    assertStrictEquals(cache.get("c"), c);
    assert(cache.get("a") !== first);
    other.delete("b");
    assertEquals(cache.get("b"), undefined);
    other.clear();
    assertEquals(cache.get("c"), undefined);
    assertThrows(() => SharedCache.open(region, { codec: json, local: -1 }), RangeError);
  });
});

Deno.test("SharedCache.stats() counts what happened, in all objects of the cache", async () => {
  await withCache({ codec: text }, (cache, region) => {
    using other = SharedCache.open(region, { codec: text });
    cache.set("a", "1");
    cache.set("a", "2");
    cache.get("a");
    other.get("a");
    other.get("b");
    other.close();
    const stats = cache.stats();
    assertEquals([stats.sets, stats.inPlace, stats.hits, stats.misses], [2, 1, 2, 1]);
    assertEquals([stats.entries, stats.byteLength, stats.shards], [1, MIB, 1]);
    assert(stats.liveByteLength >= 50 && stats.liveByteLength < 100);
  });
});

Deno.test("Keys with one hash and overfull buckets are all found", async () => {
  // As few buckets as there can be: all entries hang on their last cells.
  const options = { averageEntryByteLength: 100_000, byteLength: MIB };
  await withCache(options, (cache) => {
    const count = 2000;
    for (let i = 0; i < count; i++) cache.set(`key ${i}`, valueOf(i, 8));
    for (let i = 0; i < count; i += 3) assert(cache.delete(`key ${i}`));
    for (let i = 0; i < count; i++) {
      assertEquals(cache.get(`key ${i}`), i % 3 === 0 ? undefined : valueOf(i, 8));
    }
    for (let i = 0; i < count; i += 3) cache.set(`key ${i}`, valueOf(i, 500));
    assertEquals([...cache.keys()].length, count);
    for (let i = 0; i < count; i++) {
      assertEquals(cache.get(`key ${i}`), valueOf(i, i % 3 === 0 ? 500 : 8));
    }
  });
});

Deno.test("Any sequence of changes does what a Map does, with buckets that are full and are not", async () => {
  const next = random(9);
  // About as many entries as cells.
  await withCache({ averageEntryByteLength: 450, byteLength: MIB }, (cache) => {
    const model = new Map<string, number>();
    for (let i = 0; i < 40_000; i++) {
      const key = `key ${next() % 4000}`;
      if (next() % 2 === 0) {
        cache.set(key, valueOf(i, 8 + next() % 60));
        model.set(key, i);
      } else {
        assertEquals(cache.delete(key), model.delete(key));
      }
      const asked = `key ${next() % 4000}`;
      const step = model.get(asked);
      const value = cache.get(asked);
      assertEquals(value, step === undefined ? undefined : valueOf(step, value?.length ?? 0));
    }
    assertEquals(new Set(cache.keys()), new Set(model.keys()));
  });
});

Deno.test("SharedCache.open() makes a cache of a file, a name's region and a part of a region", async () => {
  await withTempDir((dir) => {
    const path = join(dir, "cache");
    assertThrows(() => SharedCache.open(path), Deno.errors.NotFound);
    assertThrows(() => SharedCache.open(path, { create: true }), RangeError, "byteLength");
    {
      using cache = SharedCache.open(path, { create: true, byteLength: 100_000, codec: text });
      cache.set("key", "value");
    }
    {
      using cache = SharedCache.open(path, { codec: text, create: true, byteLength: 100_000 });
      assertEquals(cache.get("key"), "value");
      assertEquals(cache.stats().byteLength, 100_000);
    }
    const wrong = [
      [{ byteLength: 100_001 }, "byteLength"],
      [{ shards: 2 }, "shards"],
      [{ maxEntryByteLength: 5 }, "maxEntryByteLength"],
      [{ codec: json }, "codec"],
    ] as const;
    for (const [options, word] of wrong) {
      assertThrows(
        () => SharedCache.open(path, { codec: text as Codec<unknown>, ...options }),
        Deno.errors.AlreadyExists,
        word,
      );
    }
    SharedMap.open(join(dir, "map"), { create: true }).close();
    assertThrows(() => SharedCache.open(join(dir, "map")), Deno.errors.AlreadyExists, "map");
    assertThrows(() => SharedMap.open(path), Deno.errors.InvalidData, "cache");
    assertThrows(() => SharedArray.open(path, f64), Deno.errors.InvalidData, "cache");

    Deno.writeFileSync(join(dir, "part"), new Uint8Array(65536 + 8192));
    using part = MmapRegion.open(join(dir, "part"), { access: "read-write", byteOffset: 8192 });
    SharedCache.open(part).close();
    using reader = MmapRegion.open(join(dir, "part"), { byteOffset: 8192 });
    assertThrows(() => SharedCache.open(reader), TypeError, "read-write");

    using whole = MmapRegion.anonymous(MIB);
    using small = SharedCache.open(whole, { byteLength: 65536 });
    small.set("key", valueOf(1, 10));
    using again = SharedCache.open(whole);
    assertEquals(again.get("key"), valueOf(1, 10));
    assertEquals(whole.bytes.subarray(65536).every((byte) => byte === 0), true);
  });
});

Deno.test("SharedCache.open() refuses sizes that cannot be", () => {
  using region = MmapRegion.anonymous(MIB);
  const open = (options: object) => () => SharedCache.open(region, options);
  for (
    const options of [
      { byteLength: 65535 },
      { byteLength: 2 * MIB },
      { shards: 0 },
      { shards: 65 },
      { maxEntryByteLength: MIB },
      { maxEntryByteLength: 0 },
      { averageEntryByteLength: 0 },
      { local: 1.5 },
    ]
  ) assertThrows(open(options), RangeError, "Cannot open cache as");
  for (const options of [{ pooled: 1 }, { create: "yes" }, { size: 1 }, { ttl: "1" }]) {
    assertThrows(open(options), TypeError, "Cannot open cache as");
  }
  assertThrows(() => SharedCache.byteLength({ entries: 0 }), RangeError);
  assertThrows(() => SharedCache.byteLength({ entries: "1" } as never), TypeError);
  using short = MmapRegion.anonymous(4096);
  assertThrows(() => SharedCache.open(short), RangeError);
  assertEquals(region.bytes.every((byte) => byte === 0), true);
});
