/** The calls of `SharedMap` that look and change in one step, and maps of typed values. */

import { MmapRegion } from "@mmap/mmap";
import { SharedMap, type SharedMapOptions } from "@mmap/mmap/collections";
import { array, chars, f64, i32, struct, u32 } from "@mmap/mmap/struct";
import { assert, assertEquals, assertNotStrictEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { thrownBy } from "../_errors.ts";
import { pattern, withTempDir } from "../_files.ts";

const SMALL = { capacity: 4, maxKeyByteLength: 20, valueByteLength: 40 };

function inMemory(
  use: (map: SharedMap, region: MmapRegion) => void,
  options: SharedMapOptions = SMALL,
): void {
  using region = MmapRegion.anonymous(1 << 16);
  using map = SharedMap.open(region, options);
  use(map, region);
}

function fill(map: SharedMap): void {
  for (let i = map.size; i < map.capacity; i++) map.set(`${i}`, pattern(i));
}

Deno.test("SharedMap.setIf() sets a key only if it is absent, or only if it is present", () =>
  inMemory((map) => {
    assertEquals(map.setIf("a", pattern(1), "present"), false);
    assertEquals(map.get("a"), undefined);
    assertEquals(map.setIf("a", pattern(2), "absent"), true);
    assertEquals(map.setIf("a", pattern(3), "absent"), false);
    assertEquals(map.get("a"), pattern(2));
    assertEquals(map.setIf("a", pattern(4), "present"), true);
    assertEquals(map.get("a"), pattern(4));
    fill(map);
    assertEquals(map.setIf("a", pattern(5), "present"), true);
    assertEquals(map.setIf("new", pattern(5), "present"), false);
    assertThrows(() => map.setIf("new", pattern(5), "absent"), Deno.errors.WriteZero);
    for (const when of ["never", undefined, true]) {
      assertThrows(() => map.setIf("a", pattern(6), when as "absent"), TypeError, "when must be");
    }
    assertEquals(map.get("a"), pattern(5));
  }));

Deno.test("SharedMap.getOrInsert() gives a copy of what is there, or of what it sets", () =>
  inMemory((map) => {
    const value = pattern(7);
    const inserted = map.getOrInsert("a", value);
    assertEquals(inserted, value);
    assertNotStrictEquals(inserted, value);
    inserted.fill(0);
    assertEquals(map.getOrInsert("a", pattern(9)), pattern(7));
    assertEquals(map.get("a"), pattern(7));
    fill(map);
    assertEquals(map.getOrInsert("a", pattern(9)), pattern(7));
    assertThrows(() => map.getOrInsert("new", pattern(9)), Deno.errors.WriteZero);
    assertThrows(() => map.getOrInsert("a", pattern(41)), RangeError, "a value must be");
  }));

Deno.test("SharedMap.take() removes a key and gives its value", () =>
  inMemory((map) => {
    map.set("a", pattern(7));
    assertEquals([map.take("a"), map.take("a"), map.size], [pattern(7), undefined, 0]);
    assertEquals([map.take("x".repeat(21)), map.has("a")], [undefined, false]);
  }));

Deno.test("SharedMap.increment() counts in an f64 of 8 bytes, the least significant one first", () =>
  inMemory((map) => {
    assertEquals([map.increment("a"), map.increment("a"), map.increment("a", 0.5)], [1, 2, 2.5]);
    assertEquals([map.increment("b", 2, 40), map.increment("b", -2, 40)], [42, 40]);
    const bytes = map.get("a")!;
    assertEquals(bytes.length, 8);
    assertEquals(new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0, true), 2.5);
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, -7, true);
    map.set("c", new Uint8Array(view.buffer));
    assertEquals(map.increment("c", 7), 0);
  }));

Deno.test("SharedMap.increment() refuses what is no number, and changes nothing", () =>
  inMemory((map) => {
    for (const length of [0, 4, 7, 9, 40]) {
      map.set("a", pattern(length));
      assertThrows(() => map.increment("a"), TypeError, `it has ${length} bytes`);
      assertEquals(map.get("a"), pattern(length));
    }
    for (const bad of ["1", null, {}]) {
      assertThrows(
        () => map.increment("b", bad as unknown as number),
        TypeError,
        "by must be a number",
      );
      assertThrows(
        () => map.increment("b", 1, bad as unknown as number),
        TypeError,
        "initial must be",
      );
    }
    for (const bad of [NaN, Infinity]) {
      assertThrows(() => map.increment("b", bad), RangeError, "by must be finite");
      assertThrows(() => map.increment("b", 1, bad), RangeError, "initial must be finite");
    }
    assertThrows(() => map.increment("x".repeat(21)), RangeError, "a key must be");
    assertEquals(map.size, 1);
    inMemory(
      (short) => assertThrows(() => short.increment("a"), RangeError, "at most 7 bytes"),
      { ...SMALL, valueByteLength: 7 },
    );
  }));

Deno.test("SharedMap.update() sets what its function returns, or deletes the key", () =>
  inMemory((map) => {
    const seen: unknown[] = [];
    const value = pattern(3);
    const made = map.update("a", (there) => {
      seen.push(there);
      return value;
    });
    assertEquals([made, seen], [value, [undefined]]);
    assertNotStrictEquals(made, value);
    map.update("a", (there) => {
      assertEquals(there, value);
      there!.fill(0); // a copy
      return pattern(5);
    });
    assertEquals(map.get("a"), pattern(5));
    assertEquals([map.update("a", () => undefined), map.has("a"), map.size], [undefined, false, 0]);
    assertEquals([map.update("a", () => undefined), map.size], [undefined, 0]);
    fill(map);
    assertThrows(() => map.update("new", () => pattern(1)), Deno.errors.WriteZero);
    assertEquals(map.update("new", () => undefined), undefined);
  }));

Deno.test("SharedMap.update() changes nothing if its function throws or returns what cannot be", () =>
  inMemory((map) => {
    map.set("a", pattern(3));
    const reason = new Error("mine");
    const fails = () => {
      throw reason;
    };
    assertEquals(thrownBy(() => map.update("a", fails)), reason);
    const returns = (value: unknown) => () => map.update("a", () => value as Uint8Array);
    for (const bad of [null, 1, "a", [], Promise.resolve(pattern(1))]) {
      assertThrows(returns(bad), TypeError, "value must be a Uint8Array");
    }
    assertThrows(returns(pattern(41)), RangeError, "at most 40 bytes long: received 41");
    assertEquals([map.get("a"), map.size], [pattern(3), 1]);
    map.set("b", pattern(1)); // nobody holds the lock
    let called = false;
    const marks = () => {
      called = true;
      return pattern(1);
    };
    assertThrows(() => map.update("x".repeat(21), marks), RangeError, "a key must be");
    assertThrows(() => map.update("a", 5 as unknown as () => undefined), TypeError, "change must");
    assertEquals(called, false);
  }));

/** Every call that uses a map. */
const CALLS: Record<string, (map: SharedMap) => unknown> = {
  get: (map) => map.get("b"),
  "get of too long a key": (map) => map.get("x".repeat(21)),
  getInto: (map) => map.getInto("b", new Uint8Array(40)),
  has: (map) => map.has("b"),
  set: (map) => map.set("b", pattern(1)),
  setIf: (map) => map.setIf("b", pattern(1), "absent"),
  getOrInsert: (map) => map.getOrInsert("b", pattern(1)),
  take: (map) => map.take("b"),
  increment: (map) => map.increment("b"),
  update: (map) => map.update("b", () => pattern(1)),
  delete: (map) => map.delete("b"),
  clear: (map) => map.clear(),
  resize: (map) => map.resize(100),
  size: (map) => map.size,
  capacity: (map) => map.capacity,
  keys: (map) => map.keys(),
  entries: (map) => map.entries(),
  commit: (map) => map.commit(),
};

for (const [what, call] of Object.entries(CALLS)) {
  Deno.test(`SharedMap.update() throws Busy if its function calls the map: ${what}`, () =>
    withTempDir((dir) => {
      const path = join(dir, "a.map");
      using map = SharedMap.open(path, { ...SMALL, create: true });
      using other = SharedMap.open(path);
      using reader = SharedMap.open(path, { access: "read" });
      using elsewhere = MmapRegion.anonymous(1 << 16);
      using third = SharedMap.open(elsewhere, SMALL);
      map.set("b", new Uint8Array(8));
      third.set("b", new Uint8Array(8));
      let errors: unknown[] = [];
      map.update("a", () => {
        errors = [map, other, reader].map((each) => thrownBy(() => call(each))?.constructor);
        return pattern(5);
      });
      const { Busy } = Deno.errors;
      assertEquals(errors, [Busy, Busy, Busy]);
      // It went on with its own key, and the lock is free.
      assertEquals(map.get("a"), pattern(5));
      assertEquals(other.get("b"), new Uint8Array(8));
      // Another map is another matter.
      map.update("a", () => {
        if (what !== "resize") call(third);
        return pattern(6);
      });
      assertEquals(map.get("a"), pattern(6));
      // An error that is not caught ends the update.
      assertThrows(() => map.update("a", () => call(other) as undefined), Busy);
      assertEquals(map.get("a"), pattern(6));
      other.set("c", pattern(1));
    }));
}

Deno.test("SharedMap.update() keeps to its key, whatever its function does with the bytes", () =>
  inMemory((map) => {
    const key = new Uint8Array([1, 2, 3]);
    map.update(key, () => {
      key.fill(9);
      thrownBy(() => map.get("zzz"));
      return pattern(4);
    });
    assertEquals([...map.entries()], [[new Uint8Array([1, 2, 3]), pattern(4)]]);
    key.set([1, 2, 3]);
    map.update(key, () => {
      key.fill(9);
      thrownBy(() => map.get("zzz"));
      return undefined;
    });
    assertEquals(map.size, 0);
  }));

Deno.test("SharedMap.update() throws BadResource if its function closes the map, and changes nothing", () =>
  withTempDir((dir) => {
    const path = join(dir, "a.map");
    using other = SharedMap.open(path, { ...SMALL, create: true });
    const map = SharedMap.open(path);
    const closes = () => {
      map.close();
      return pattern(1);
    };
    assertThrows(() => map.update("a", closes), Deno.errors.BadResource);
    assertEquals(other.size, 0);
    other.set("a", pattern(2)); // the lock is free
    using region = MmapRegion.open(path, { access: "read-write" });
    const over = SharedMap.open(region);
    const closesRegion = () => {
      region.close();
      return pattern(1);
    };
    assertThrows(() => over.update("a", closesRegion), Deno.errors.BadResource);
    other.set("b", pattern(3));
    assertEquals([other.get("a"), other.size], [pattern(2), 2]);
  }));

const Point = struct({ x: i32, y: f64, name: chars(5), tags: array(u32, 2) });

Deno.test("SharedMap.of() keeps structs, and gives them as plain objects", () => {
  const maps = SharedMap.of(Point);
  const byteLength = maps.byteLength({ capacity: 5 });
  assertEquals(
    byteLength,
    SharedMap.byteLength({ capacity: 5, valueByteLength: Point.byteLength }),
  );
  using region = MmapRegion.anonymous(byteLength);
  using map = maps.open(region, { capacity: 5 });
  assertEquals(map.valueByteLength, Point.byteLength);
  const point = { x: -3, y: 0.5, name: "Ann", tags: [1, 2] };
  map.set("a", point);
  assertEquals(map.get("a"), point);
  map.set("b", { x: 7 }); // the rest is zeros, whatever was set before
  const rest = { y: 0, name: "", tags: [0, 0] };
  assertEquals(map.get("b"), { x: 7, ...rest });
  assertEquals(map.getOrInsert("c", { x: 8 }), { x: 8, ...rest });
  assertEquals(map.setIf("c", { x: 9 }, "present"), true);
  assertEquals(map.update("c", (there) => ({ ...there, x: there!.x + 1 })), { x: 10, ...rest });
  assertEquals(new Map(map.entries()).get("a"), point);
  assertEquals(map.take("a"), point);
  assertThrows(() => map.set("a", { q: 1 } as unknown as typeof point), TypeError);
  assertThrows(() => map.set("a", { x: 1, name: "too long" }), RangeError);
  assertThrows(() => map.update("c", () => ({ q: 1 }) as unknown as typeof point), TypeError);
  assertThrows(() => map.increment("c"), TypeError, "no numbers of type f64");
  assertEquals([map.size, map.get("c")?.x], [2, 10]);
});

Deno.test("SharedMap.of() keeps numbers, which increment() counts with if they are f64", () => {
  using region = MmapRegion.anonymous(1 << 16);
  using map = SharedMap.of(f64).open(region, { capacity: 5 });
  map.set("a", 1.5);
  assertEquals([map.increment("a"), map.get("a"), map.take("a")], [2.5, 2.5, 2.5]);
});

Deno.test("SharedMap.of() refuses maps of other values, and open() those of a type", () =>
  withTempDir((dir) => {
    const path = join(dir, "a.map");
    SharedMap.of(Point).open(path, { create: true }).close();
    SharedMap.of(struct({ x: i32, y: f64, name: chars(5), tags: array(u32, 2) })).open(path)
      .close();
    const other = SharedMap.of(struct({ z: i32, y: f64, name: chars(5), tags: array(u32, 2) }));
    for (const open of [() => SharedMap.open(path), () => other.open(path)]) {
      assertThrows(open, Deno.errors.InvalidData, "its values are of a type with hash");
    }
    const plain = join(dir, "b.map");
    SharedMap.open(plain, { create: true, valueByteLength: Point.byteLength }).close();
    const error = thrownBy(() => SharedMap.of(Point).open(plain)) as Error;
    assert(error instanceof Deno.errors.InvalidData && error.message.includes("are bytes, and"));
    assertThrows(() => SharedMap.of(5 as unknown as typeof Point), TypeError);
  }));

Deno.test("SharedMap.byteLength() is what a region needs, and one byte less is too short", () => {
  for (const options of [{}, SMALL, { capacity: 1000 }, { valueByteLength: 0, capacity: 1 }]) {
    const byteLength = SharedMap.byteLength(options);
    using region = MmapRegion.anonymous(byteLength);
    using map = SharedMap.open(region, options);
    for (let i = 0; i < map.capacity; i++) map.set(`${i}`, new Uint8Array(map.valueByteLength));
    const capacity = options.capacity ?? map.capacity;
    assertEquals([map.size, map.capacity], [capacity, capacity]);
    using short = MmapRegion.anonymous(byteLength - 1);
    assertThrows(
      () => SharedMap.open(short, { ...options, capacity }),
      RangeError,
      `${byteLength - 1} bytes is too short: ${byteLength} are needed`,
    );
  }
});
