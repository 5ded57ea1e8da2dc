/** `SharedMap.resize`: what stays, who notices, and what is refused. */

import { MmapRegion } from "@mmap/mmap";
import { SharedMap } from "@mmap/mmap/collections";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { random } from "./_random.ts";
import { thrownBy } from "../_errors.ts";
import { onBothFileSystems, pattern, withTempDir } from "../_files.ts";

const SMALL = { capacity: 8, maxKeyByteLength: 20, valueByteLength: 40 };

function contentOf(map: SharedMap): Map<unknown, Uint8Array> {
  return new Map(map.entries());
}

onBothFileSystems("SharedMap.resize() makes room, and all that have the map open notice", (dir) => {
  const path = join(dir, "a.map");
  using map = SharedMap.open(path, { ...SMALL, create: true });
  using writer = SharedMap.open(path);
  using reader = SharedMap.open(path, { access: "read" });
  const all = [map, writer, reader];
  const model = new Map<string, Uint8Array>();
  const set = (key: string, value: Uint8Array) => {
    writer.set(key, value);
    model.set(key, value);
  };
  for (let i = 0; i < 8; i++) set(`${i}`, pattern(i, i));
  assertThrows(() => map.set("never", pattern(1)), Deno.errors.WriteZero);
  for (const capacity of [9, 20, 300, 301, 5000]) {
    map.resize(capacity);
    assertEquals(all.map((each) => each.capacity), [capacity, capacity, capacity]);
    for (const each of all) {
      assertEquals(contentOf(each), model);
      for (const [key, value] of model) assertEquals(each.get(key), value);
      assertEquals(each.size, model.size);
    }
    for (let i = 0; model.size < capacity; i++) set(`${i}`, pattern(40, i));
    assertThrows(() => writer.set("never", pattern(1)), Deno.errors.WriteZero);
    for (const each of all) assertEquals(each.get("7"), pattern(40, 7));
    model.delete("1");
    assertEquals(map.delete("1"), true);
    set("more", pattern(3));
    assertEquals(reader.get("more"), pattern(3));
    set("3", pattern(33));
  }
  using again = SharedMap.open(path, { capacity: 5000 });
  assertEquals(contentOf(again), model);
  again.clear();
  assertEquals(all.map((each) => [each.size, each.get("3"), [...each.keys()]]), [
    [0, undefined, []],
    [0, undefined, []],
    [0, undefined, []],
  ]);
});

Deno.test("SharedMap.resize() uses free parts of the file again", () =>
  withTempDir((dir) => {
    const path = join(dir, "a.map");
    using map = SharedMap.open(path, { ...SMALL, capacity: 100, create: true });
    using other = SharedMap.open(path);
    for (let i = 0; i < 100; i++) map.set(`${i}`, pattern(40, i));
    for (let capacity = 101; capacity <= 200; capacity++) {
      (capacity % 2 === 0 ? map : other).resize(capacity);
      assertEquals(other.get("99"), pattern(40, 99));
    }
    for (let i = 0; i < 100; i++) assertEquals(map.get(`${i}`), pattern(40, i));
    const { size } = Deno.statSync(path);
    const whole = SharedMap.byteLength({ ...SMALL, capacity: 200 });
    assert(size <= 3 * whole + 4 * 4096, `${size} bytes, and a new one has ${whole}`);
  }));

Deno.test("SharedMap.resize() refuses less, and numbers that are none, and changes nothing", () =>
  withTempDir((dir) => {
    const path = join(dir, "a.map");
    using map = SharedMap.open(path, { ...SMALL, create: true });
    map.set("a", pattern(3));
    map.resize(20);
    const before = Deno.readFileSync(path);
    for (const bad of [19, 8, 0, -1, 0.5, NaN, Infinity, 2 ** 26 + 1]) {
      assertThrows(() => map.resize(bad), RangeError, "Cannot resize map as");
    }
    for (const bad of ["30", undefined, null, 30n]) {
      assertThrows(() => map.resize(bad as unknown as number), TypeError, "capacity must be");
    }
    map.resize(20);
    assertEquals(Deno.readFileSync(path), before);
    for (const capacity of [8, 19, 21]) {
      const error = thrownBy(() => SharedMap.open(path, { capacity }));
      assertEquals(error?.constructor, Deno.errors.InvalidData);
    }
  }));

Deno.test("SharedMap.resize() does not grow into a region of the caller", () => {
  using region = MmapRegion.anonymous(1 << 20);
  using map = SharedMap.open(region, SMALL);
  map.resize(8);
  assertThrows(() => map.resize(7), RangeError, "only grows");
  assertThrows(() => map.resize(9), Deno.errors.NotSupported, "in a region of the caller");
  assertEquals(map.capacity, 8);
});

Deno.test("SharedMap in a region of the caller follows a resize once the region is refreshed", () =>
  withTempDir((dir) => {
    const path = join(dir, "a.map");
    using map = SharedMap.open(path, { ...SMALL, create: true });
    map.set("a", pattern(3));
    using region = MmapRegion.open(path, { access: "read-write" });
    using over = SharedMap.open(region);
    assertEquals(over.get("a"), pattern(3));
    map.resize(100);
    map.set("b", pattern(4));
    for (const call of [() => over.get("a"), () => over.set("a", pattern(1)), () => over.keys()]) {
      assertThrows(call, Deno.errors.InvalidData, `and has ${region.byteLength}`);
    }
    region.refresh();
    over.set("c", pattern(5));
    assertEquals([over.capacity, over.get("b"), map.get("c")], [100, pattern(4), pattern(5)]);
  }));

Deno.test("SharedMap does what a Map does while it is resized again and again", () =>
  withTempDir((dir) => {
    const next = random(7);
    const path = join(dir, "a.map");
    const sizes = { maxKeyByteLength: 10, valueByteLength: 30 };
    using first = SharedMap.open(path, { ...sizes, capacity: 2, create: true });
    using second = SharedMap.open(path);
    const model = new Map<string, Uint8Array>();
    let capacity = 2;
    for (let i = 0; i < 20_000; i++) {
      const each = next() % 2 === 0 ? first : second;
      const key = `${next() % (2 * capacity)}`;
      const what = next() % 1000;
      if (what < 10) each.resize(capacity += next() % 4);
      else if (what < 12) {
        each.clear();
        model.clear();
      } else if (what < 400) assertEquals(each.delete(key), model.delete(key));
      else if (model.has(key) || model.size < capacity) {
        const value = pattern(next() % 31, next());
        each.set(key, value);
        model.set(key, value);
      } else assertThrows(() => each.set(key, pattern(1)), Deno.errors.WriteZero);
      const asked = `${next() % (2 * capacity)}`;
      assertEquals(each.get(asked), model.get(asked));
      assertEquals([each.size, each.capacity], [model.size, capacity]);
      if (i % 500 === 0) assertEquals(contentOf(each), model);
    }
    assert(capacity > 100, `${capacity}`);
  }));
