/** `SharedMap` in one process: values, keys, errors, and a model that it is compared with. */

import { MmapRegion } from "@mmap/mmap";
import { SharedMap, type SharedMapOptions } from "@mmap/mmap/collections";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { layOutNew, readWishes, VALUE_LENGTH } from "../../src/collections/map_layout.ts";
import { random } from "./_random.ts";
import { thrownBy } from "../_errors.ts";
import { makeFile, onBothFileSystems, pattern, withTempDir } from "../_files.ts";
import { withMovable } from "../_regions.ts";

const SMALL = { capacity: 8, maxKeyByteLength: 20, valueByteLength: 40 };

/** A map in memory of its own. */
function inMemory(
  options: SharedMapOptions,
  use: (map: SharedMap, region: MmapRegion) => void,
): void {
  using region = MmapRegion.anonymous(1 << 20);
  using map = SharedMap.open(region, options);
  use(map, region);
}

Deno.test("SharedMap.keys() and entries() give a key once that they meet in two buckets", () =>
  inMemory(SMALL, (map, region) => {
    // As it is met that is deleted and set again, in another bucket, while the index is read.
    const { index, buckets } = layOutNew(readWishes(SMALL, "test"))!;
    map.set("a", pattern(3));
    map.set("ü", pattern(5));
    const words = region.view(Int32Array);
    const at = Array.from({ length: buckets }, (_, i) => index + 2 * i);
    const [first] = at.filter((bucket) => words[bucket] !== 0);
    const free = at.findLast((bucket) => words[bucket] === 0)!;
    words.copyWithin(free, first!, first! + 2);
    assertEquals([...map.keys()].sort(), ["a", "ü"]);
    const lengths = [...map.entries()].map(([key, value]) => [key, value.length]);
    assertEquals(lengths.sort(), [["a", 3], ["ü", 5]]);
  }));

onBothFileSystems("SharedMap keeps what was set, for whoever opens the file", (dir) => {
  const path = join(dir, "a.map");
  {
    using map = SharedMap.open(path, { ...SMALL, create: true });
    using other = SharedMap.open(path, { create: true });
    map.set("a", pattern(3));
    map.set("b", new Uint8Array());
    other.set("c", pattern(40));
    other.set("a", pattern(5));
    assertEquals([map.get("a"), map.get("b"), map.get("c")], [pattern(5), pattern(0), pattern(40)]);
    assertEquals([map.get("d"), map.has("c"), map.has("d"), map.size], [undefined, true, false, 3]);
    assertEquals([map.delete("a"), other.delete("a"), other.has("a")], [true, false, false]);
    map.commit();
    map.commit({ durability: "memory" });
  }
  using again = SharedMap.open(path);
  assertEquals([...again.entries()].sort(), [["b", pattern(0)], ["c", pattern(40)]]);
  assertEquals([...again.keys()].sort(), ["b", "c"]);
  assertEquals([...again].length, 2);
  assertEquals([again.capacity, again.maxKeyByteLength, again.valueByteLength], [8, 20, 40]);
  again.clear();
  assertEquals([again.size, again.has("b"), [...again.keys()]], [0, false, []]);
});

Deno.test("SharedMap takes a string for its UTF-8 bytes, and gives keys as they were set", () => {
  inMemory(SMALL, (map) => {
    const keys = ["", "a", "abcd", "abcde", "é", "日本語", "𝄞", "a\0", "12345678901234567890"];
    const map2 = new Map<string, Uint8Array>();
    for (const key of keys.slice(0, 8)) map2.set(key, pattern(key.length, 5));
    for (const [key, value] of map2) map.set(key, value);
    for (const [key, value] of map2) {
      assertEquals(map.get(key), value, key);
      assertEquals(map.get(new TextEncoder().encode(key)), value, key);
    }
    assertEquals(new Set(map.keys()), new Set(map2.keys()));
    map.delete("a");
    map.set(new Uint8Array([255, 0, 1]), pattern(1));
    assertEquals(map.get(new Uint8Array([255, 0, 1])), pattern(1));
    assertEquals([...map.keys()].filter((key) => typeof key !== "string"), [
      new Uint8Array([255, 0, 1]),
    ]);
    map.delete("");
    map.set(keys.at(-1)!, pattern(2));
    assertEquals(map.get(keys.at(-1)!), pattern(2));
  });
});

Deno.test("SharedMap throws RangeError for what is too long, and WriteZero when it is full", () => {
  inMemory(SMALL, (map) => {
    const long = "x".repeat(21);
    assertThrows(() => map.set(long, pattern(1)), RangeError, "a key must be at most 20 bytes");
    assertThrows(() => map.set("é".repeat(11), pattern(1)), RangeError, "a key");
    assertThrows(() => map.set(new Uint8Array(21), pattern(1)), RangeError, "a key");
    assertThrows(() => map.set("a", pattern(41)), RangeError, "at most 40 bytes long: received 41");
    assertEquals([map.get(long), map.has(long), map.delete(long)], [undefined, false, false]);
    for (let i = 0; i < 8; i++) map.set(`${i}`, pattern(i));
    for (let i = 0; i < 50; i++) {
      const error = assertThrows(() => map.set(`new ${i}`, pattern(1)), Deno.errors.WriteZero);
      assertEquals(error.message, "Cannot set key: the map is full, it holds 8 keys");
    }
    for (let i = 0; i < 50; i++) map.set(`${i % 8}`, pattern(20, i)); // in a full map too
    assertEquals([map.size, map.get("1")], [8, pattern(20, 49)]);
    map.delete("3");
    map.set("new", pattern(2));
    assertEquals([map.size, map.has("3"), map.get("new")], [8, false, pattern(2)]);
  });
});

Deno.test("SharedMap throws TypeError for other keys and values", () => {
  inMemory(SMALL, (map) => {
    for (const bad of [1, null, undefined, {}, new Uint16Array(1)]) {
      const key = bad as unknown as string;
      for (const call of [() => map.get(key), () => map.has(key), () => map.delete(key)]) {
        assertThrows(call, TypeError, "the key must be a string or a Uint8Array");
      }
      assertThrows(() => map.set(key, pattern(1)), TypeError);
      assertThrows(() => map.set("a", bad as Uint8Array), TypeError, "value must be a Uint8Array");
    }
    assertEquals(map.size, 0);
  });
});

Deno.test("SharedMap.open() checks its options before it touches the file", async () => {
  await withTempDir((dir) => {
    const open = (options: unknown) => () =>
      SharedMap.open(join(dir, "none"), options as SharedMapOptions);
    for (const name of ["capacity", "maxKeyByteLength", "valueByteLength"]) {
      assertThrows(open({ create: true, [name]: "1" }), TypeError, `${name} must be a number`);
      for (const value of [-1, 0.5, NaN, Infinity, 2 ** 40]) {
        assertThrows(open({ create: true, [name]: value }), RangeError, name);
      }
    }
    assertThrows(open({ create: 1 }), TypeError);
    assertThrows(open({ access: "read", create: true }), TypeError);
    assertThrows(open(3), TypeError);
    assertThrows(open({}), Deno.errors.NotFound);
    assertEquals([...Deno.readDirSync(dir)], []);
  });
});

Deno.test("SharedMap.open() refuses another geometry, another kind, and memory in use", async () => {
  await withTempDir((dir) => {
    const path = join(dir, "a.map");
    SharedMap.open(path, { ...SMALL, create: true }).close();
    for (const [name, value] of Object.entries(SMALL)) {
      const error = assertThrows(
        () => SharedMap.open(path, { [name]: value + 1, create: true }),
        Deno.errors.InvalidData,
      );
      assertEquals(
        error.message,
        `Cannot open map: its ${name} is ${value}, and ${value + 1} was asked for`,
      );
    }
    const other = makeFile(dir, 1 << 16, "other");
    const before = Deno.readFileSync(other);
    assertThrows(() => SharedMap.open(other, { create: true }), Deno.errors.InvalidData);
    assertEquals(Deno.readFileSync(other), before);
    using region = MmapRegion.anonymous(1 << 16);
    region.bytes[60_000] = 1;
    assertThrows(() => SharedMap.open(region), Deno.errors.InvalidData, "not all zeros");
    using short = MmapRegion.anonymous(4000);
    assertThrows(() => SharedMap.open(short), Deno.errors.InvalidData, "too short");
    using region2 = MmapRegion.anonymous(8192);
    assertThrows(() => SharedMap.open(region2, { capacity: 1000 }), RangeError, "too short for it");
  });
});

Deno.test("SharedMap.open() of a region makes a map as large as fits, and joins it", () => {
  using region = MmapRegion.anonymous(1 << 20);
  using map = SharedMap.open(region, { maxKeyByteLength: 8, valueByteLength: 8 });
  assert(map.capacity > 10_000, `${map.capacity}`);
  for (let i = 0; i < map.capacity; i++) map.set(`${i}`, pattern(8, i));
  using other = SharedMap.open(region);
  assertEquals(other.size, map.capacity);
  for (let i = 0; i < map.capacity; i += 97) assertEquals(other.get(`${i}`), pattern(8, i));
});

Deno.test("SharedMap of a map that may only be read finds and refuses to change", async () => {
  await withTempDir((dir) => {
    const path = join(dir, "a.map");
    using map = SharedMap.open(path, { ...SMALL, create: true });
    map.set("a", pattern(4));
    using reader = SharedMap.open(path, { access: "read" });
    using region = MmapRegion.open(path);
    using over = SharedMap.open(region);
    for (const each of [reader, over]) {
      assertEquals([each.get("a"), each.size, [...each.keys()]], [pattern(4), 1, ["a"]]);
      for (
        const call of [() => each.set("a", pattern(1)), () => each.delete("a"), () => each.clear()]
      ) {
        assertThrows(call, Deno.errors.PermissionDenied, `the map has access "read"`);
      }
    }
  });
});

Deno.test("a closed SharedMap throws BadResource, and leaves the region of its user open", () =>
  withMovable(1 << 16, (region) => {
    const map = SharedMap.open(region, SMALL);
    map.set("a", pattern(1));
    const calls = (each: SharedMap): (() => unknown)[] => [
      () => each.get("a"),
      () => each.get("x".repeat(100)),
      () => each.getInto("a", new Uint8Array(40)),
      () => each.has("x".repeat(100)),
      () => each.has("a"),
      () => each.set("a", pattern(1)),
      () => each.delete("a"),
      () => each.clear(),
      () => each.keys(),
      () => each.entries(),
      () => each.size,
      () => each.commit(),
    ];
    map.close();
    map.close();
    map[Symbol.dispose]();
    for (const call of calls(map)) {
      assertEquals(thrownBy(call)?.constructor, Deno.errors.BadResource);
    }
    assertEquals([map.closed, map.capacity, region.closed], [true, 8, false]);
    const other = SharedMap.open(region);
    assertEquals(other.get("a"), pattern(1));
    region.resize(1 << 17);
    assertEquals(other.get("a"), pattern(1));
    region.close();
    for (const call of calls(other)) {
      assertEquals(thrownBy(call)?.constructor, Deno.errors.BadResource);
    }
    assertEquals(other.closed, true);
  }));

const target = new Uint8Array(4000);

/** What `getInto` gives, as `get` does. */
function into(map: SharedMap, key: string): Uint8Array | undefined {
  const byteLength = map.getInto(key, target);
  return byteLength === undefined ? undefined : target.slice(0, byteLength);
}

Deno.test("SharedMap.getInto() copies a value of any length to the target's beginning", () =>
  inMemory({ capacity: 20, valueByteLength: 3000 }, (map) => {
    for (const byteLength of [0, 1, 4, 31, 32, 255, 256, 257, 1024, 3000, 5]) {
      map.set("key", pattern(byteLength));
      target.fill(99);
      assertEquals(map.getInto("key", target), byteLength);
      assertEquals(target.subarray(0, byteLength), pattern(byteLength));
      assert(target.subarray(byteLength).every((byte) => byte === 99), "nothing after it");
    }
    for (const key of ["none", "x".repeat(100)]) assertEquals(map.getInto(key, target), undefined);
    assertEquals(map.getInto(new TextEncoder().encode("key"), target), 5);
  }));

Deno.test("SharedMap.getInto() throws RangeError for too short a target, and leaves it as it is", () =>
  inMemory({ capacity: 20, valueByteLength: 3000 }, (map) => {
    for (const byteLength of [1, 40, 3000]) {
      map.set("key", pattern(byteLength));
      const short = new Uint8Array(byteLength - 1).fill(7);
      assertThrows(() => map.getInto("key", short), RangeError, `has ${byteLength} bytes`);
      assert(short.every((byte) => byte === 7), "unchanged");
    }
    for (const wrong of [[], new Uint16Array(3000), new DataView(new ArrayBuffer(3000))]) {
      assertThrows(() => map.getInto("none", wrong as unknown as Uint8Array), TypeError);
    }
    assertEquals(map.getInto("none", new Uint8Array()), undefined);
  }));

Deno.test("SharedMap.getInto() throws InvalidData for a length that no value can have", () =>
  inMemory(SMALL, (map, region) => {
    map.set("key", pattern(40));
    const layout = layOutNew(readWishes(SMALL, "test"))!;
    const words = region.view(Int32Array);
    target.fill(7);
    for (const length of [41, -1]) {
      words[layout.entries + VALUE_LENGTH] = length;
      assertThrows(() => map.getInto("key", target), Deno.errors.InvalidData);
      assert(target.every((byte) => byte === 7), "unchanged");
    }
  }));

Deno.test("SharedMap does what a Map does, over a long random life", () => {
  const next = random(11);
  for (const capacity of [3, 20, 300]) {
    inMemory({ capacity, maxKeyByteLength: 10, valueByteLength: 30 }, (map, region) => {
      const model = new Map<string, Uint8Array>();
      using other = SharedMap.open(region);
      for (let i = 0; i < 30_000; i++) {
        const each = next() % 2 === 0 ? map : other;
        const key = `${next() % (capacity * 2)}`;
        const what = next() % 1000;
        if (what < 450) {
          const value = pattern(next() % 31, next());
          if (model.has(key) || model.size < capacity) {
            each.set(key, value);
            model.set(key, value);
          } else {
            assertThrows(() => each.set(key, value), Deno.errors.WriteZero);
          }
        } else if (what < 998) {
          assertEquals(each.delete(key), model.delete(key));
        } else {
          each.clear();
          model.clear();
        }
        const asked = `${next() % (capacity * 2)}`;
        assertEquals(each.get(asked), model.get(asked));
        assertEquals(into(each, asked), model.get(asked));
        assertEquals(each.has(asked), model.has(asked));
        assertEquals(each.size, model.size);
        if (i % 1000 === 0) {
          assertEquals(new Map(each.entries() as Iterable<[string, Uint8Array]>), model);
        }
      }
    });
  }
});

Deno.test("SharedMap never crashes, hangs or reads outside, whatever bytes it has", () => {
  const next = random(5);
  using region = MmapRegion.anonymous(1 << 14);
  using map = SharedMap.open(region, { capacity: 20, maxKeyByteLength: 12, valueByteLength: 20 });
  for (let i = 0; i < 20; i++) map.set(`key ${i}`, pattern(i));
  for (let i = 0; i < 5; i++) map.delete(`key ${i}`);
  const whole = region.bytes.slice();
  let worked = 0;
  const attempt = (call: () => unknown): void => {
    try {
      call();
      worked++;
    } catch (error) {
      const expected = error instanceof Deno.errors.InvalidData ||
        error instanceof Deno.errors.WriteZero;
      assert(expected, String(error));
    }
  };
  for (let i = 0; i < 3000; i++) {
    region.bytes.set(whole);
    for (let k = next() % 8; k >= 0; k--) {
      const at = next() % 2 === 0 ? 128 + next() % 28 : 4096 + next() % 4000;
      region.bytes[at] = next() % 4 === 0 ? 255 : next();
    }
    attempt(() => SharedMap.open(region).close());
    for (let k = 0; k < 20; k += 3) {
      attempt(() => assert((map.get(`key ${k}`)?.length ?? 0) <= 20));
      attempt(() => assert((map.getInto(`key ${k}`, new Uint8Array(100)) ?? 0) <= 20));
      attempt(() => map.set(`key ${k}`, pattern(k)));
      attempt(() => map.set(`new ${k}`, pattern(k)));
      attempt(() => map.delete(`key ${k + 1}`));
    }
    attempt(() => [...map.entries()]);
    if (next() % 8 === 0) attempt(() => map.clear());
  }
  assert(worked > 10_000, `${worked}`);
});
