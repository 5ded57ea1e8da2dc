/** `SharedArray`: elements of every kind, growth that others see, errors. */

import { MmapRegion } from "@mmap/mmap";
import { SharedArray, type SharedArrayOptions, SharedMap } from "@mmap/mmap/collections";
import * as types from "@mmap/mmap/struct";
import { bigEndian, bool, chars, f64, i32, struct, u64, u8 } from "@mmap/mmap/struct";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { thrownBy } from "../_errors.ts";
import { makeFile, onBothFileSystems, withTempDir } from "../_files.ts";

const Person = struct({ name: chars(6), age: i32, total: u64 });
const CREATE = { create: true } as const;

onBothFileSystems("SharedArray grows, and whoever has it open sees it", (dir) => {
  const path = join(dir, "a.array");
  using numbers: SharedArray<number> = SharedArray.open(path, f64, CREATE);
  using others = SharedArray.open(path, f64, { access: "read" });
  using third = SharedArray.open(path, f64);
  assertEquals([numbers.length, [...numbers]], [0, []]);
  for (let i = 0; i < 30_000; i += 3) {
    assertEquals((i % 2 === 0 ? numbers : third).push(i, i + 0.5, -i), i + 3);
    if (i % 3000 === 0) assertEquals(others.at(-1), -i);
  }
  assertEquals([others.length, others.at(29_998), third.at(29_998)], [30_000, 29_997.5, 29_997.5]);
  numbers.set(7, 1e300);
  numbers.set(-1, 5);
  assertEquals([others.at(7), others.at(-1), [...others][29_999]], [1e300, 5, 5]);
  numbers.commit();
  numbers.commit({ durability: "memory" });
  numbers.close();
  using again = SharedArray.open(path, f64, CREATE);
  assertEquals([again.length, again.at(7), again.push()], [30_000, 1e300, 30_000]);
});

Deno.test("SharedArray holds structs, whose fields may be left out", async () => {
  await withTempDir((dir) => {
    using people = SharedArray.open(join(dir, "people"), Person, { create: true, length: 2 });
    const nobody = { name: "", age: 0, total: 0n };
    assertEquals([...people], [nobody, nobody]);
    people.push({ name: "Ann", age: 3, total: 2n ** 60n }, { name: "Bo" });
    people.set(0, { age: -1 });
    assertEquals(people.at(2), { name: "Ann", age: 3, total: 2n ** 60n });
    assertEquals([people.at(3), people.at(0)], [{ ...nobody, name: "Bo" }, { ...nobody, age: -1 }]);
    const copy = people.at(2);
    people.set(2, { age: 9 });
    assertEquals([copy.age, people.at(2).age], [3, 9]);
  });
});

/** What each scalar reads of the bytes 0x81 to 0x88. */
const SCALARS = {
  i8: (view) => view.getInt8(0),
  u8: (view) => view.getUint8(0),
  i16: (view, little) => view.getInt16(0, little),
  u16: (view, little) => view.getUint16(0, little),
  i32: (view, little) => view.getInt32(0, little),
  u32: (view, little) => view.getUint32(0, little),
  i64: (view, little) => view.getBigInt64(0, little),
  u64: (view, little) => view.getBigUint64(0, little),
  f32: (view, little) => view.getFloat32(0, little),
  f64: (view, little) => view.getFloat64(0, little),
  usize: (view, little) => view.getBigUint64(0, little),
  isize: (view, little) => view.getBigInt64(0, little),
  bool: () => true,
} satisfies Partial<Record<types.ScalarName, (view: DataView, little: boolean) => unknown>>;

for (const [name, read] of Object.entries(SCALARS)) {
  Deno.test(`SharedArray.at() reads ${name} in both orders of bytes`, () => {
    const type = types[name as types.ScalarName] as types.ScalarType<unknown>;
    const bytes = Uint8Array.from({ length: 8 }, (_, i) => 0x81 + i);
    for (const little of [true, false]) {
      using region = MmapRegion.anonymous(8192);
      using array = SharedArray.open(region, little ? type : bigEndian(type), { length: 1 });
      region.bytes.set(bytes, 4096);
      assertEquals(array.at(0), read(new DataView(bytes.buffer), little));
    }
  });
}

Deno.test("SharedArray.push() appends all or nothing", async () => {
  await withTempDir((dir) => {
    using people = SharedArray.open(join(dir, "people"), Person, CREATE);
    const long = { name: "far too long" };
    assertThrows(() => people.push({ name: "Ann" }, long), RangeError);
    assertThrows(() => people.push({ name: "Ann" }, { total: 1 as unknown as bigint }), TypeError);
    assertEquals(people.length, 0);
    people.push({ name: "Bo" });
    assertThrows(() => people.set(0, long), RangeError);
    assertEquals([...people], [{ name: "Bo", age: 0, total: 0n }]);
  });
});

Deno.test("SharedArray throws RangeError for an index that it does not have", async () => {
  await withTempDir((dir) => {
    using bytes = SharedArray.open(join(dir, "bytes"), u8, CREATE);
    bytes.push(1, 2, 300);
    assertEquals([...bytes], [1, 2, 44]);
    for (const index of [3, -4, 0.5, NaN, Infinity]) {
      assertThrows(() => bytes.at(index), RangeError);
      assertThrows(() => bytes.set(index, 1), RangeError);
    }
    assertThrows(() => bytes.at("0" as unknown as number), TypeError);
    assertEquals([...bytes], [1, 2, 44]);
  });
});

Deno.test("SharedArray.open() refuses other elements, other kinds and wrong options", async () => {
  await withTempDir((dir) => {
    const path = join(dir, "a.array");
    const open = (options: unknown) => () =>
      SharedArray.open(path, f64, options as SharedArrayOptions);
    assertThrows(open({}), Deno.errors.NotFound);
    assertThrows(open({ create: 1 }), TypeError);
    assertThrows(open({ create: true, access: "read" }), TypeError);
    for (const length of [-1, 0.5, NaN, 2 ** 32]) {
      assertThrows(open({ create: true, length }), RangeError, "length");
    }
    const noType = {} as typeof f64;
    assertThrows(() => SharedArray.open(path, noType, CREATE), TypeError);
    assertEquals([...Deno.readDirSync(dir)], []);

    SharedArray.open(path, f64, CREATE).close();
    for (const other of [u64, i32, bool, Person]) {
      assertThrows(
        () => SharedArray.open(path, other),
        Deno.errors.InvalidData,
        "its elements have another layout: 8 bytes with hash",
      );
    }
    assertThrows(() => SharedMap.open(path), Deno.errors.InvalidData, "another kind of collection");
    const text = makeFile(dir, 5000, "text");
    assertThrows(() => SharedArray.open(text, f64), Deno.errors.InvalidData, "no collection");
  });
});

Deno.test("SharedArray in a region is full at its end", () => {
  using region = MmapRegion.anonymous(4096 + 100);
  using numbers = SharedArray.open(region, f64);
  using others = SharedArray.open(region, f64);
  for (let i = 1; i <= 12; i++) assertEquals(numbers.push(i), i);
  assertThrows(() => numbers.push(1), Deno.errors.WriteZero, "full");
  assertEquals([others.length, others.at(-1)], [12, 12]);
  using small = MmapRegion.anonymous(4096 + 100);
  assertThrows(() => SharedArray.open(small, f64, { length: 13 }), RangeError, "too short");
});

Deno.test("SharedArray that may only be read refuses to change", async () => {
  await withTempDir((dir) => {
    const path = join(dir, "a.array");
    using numbers = SharedArray.open(path, i32, CREATE);
    numbers.push(5);
    using reader = SharedArray.open(path, i32, { access: "read" });
    for (const call of [() => reader.push(1), () => reader.set(0, 1)]) {
      assertThrows(call, Deno.errors.PermissionDenied, `the array has access "read"`);
    }
    assertEquals([...reader], [5]);
  });
});

Deno.test("a closed SharedArray throws BadResource", async () => {
  await withTempDir((dir) => {
    const numbers = SharedArray.open(join(dir, "a.array"), i32, CREATE);
    numbers.push(5);
    const iterator = numbers[Symbol.iterator]();
    numbers.close();
    numbers.close();
    numbers[Symbol.dispose]();
    const calls = [
      () => numbers.at(0),
      () => numbers.set(0, 1),
      () => numbers.push(1),
      () => numbers.length,
      () => numbers.commit(),
      () => iterator.next(),
    ];
    for (const call of calls) assertEquals(thrownBy(call)?.constructor, Deno.errors.BadResource);
    assertEquals(numbers.closed, true);
  });
});

Deno.test("SharedArray with a length past the end of its file throws InvalidData", async () => {
  await withTempDir((dir) => {
    const path = join(dir, "a.array");
    using numbers = SharedArray.open(path, i32, CREATE);
    numbers.push(1, 2, 3);
    using region = MmapRegion.open(path, { access: "read-write" });
    region.view(Uint32Array)[32] = 0xffffffff;
    assertThrows(() => numbers.at(1 << 30), Deno.errors.InvalidData, "shorter than it says");
    assertThrows(() => [...numbers], Deno.errors.InvalidData);
    const failed = thrownBy(() => numbers.push(4));
    assert(failed instanceof Deno.errors.InvalidData || failed instanceof Deno.errors.WriteZero);
    assertThrows(() => SharedArray.open(path, i32), Deno.errors.InvalidData);
  });
});
