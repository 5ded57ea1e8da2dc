/** Arrays of records, columns, and memory that goes away. */

import { array, chars, i32, i8, struct, u8 } from "@mmap/mmap/struct";
import { factOf } from "../../ffi/platform.ts";
import { MmapRegion } from "@mmap/mmap";
import { assertEquals, assertThrows } from "@std/assert";

const Person = struct({ name: chars(4), age: i32 });

function threePeople(): ReturnType<typeof Person.array> {
  const people = Person.array(new Uint8Array(24));
  ["Ann", "Bo", "Cleo"].forEach((name, i) => people.at(i).set({ name, age: i * 10 }));
  return people;
}

Deno.test("Struct.array() takes as many records as there is room for", () => {
  const bytes = new Uint8Array(30);
  assertEquals(Person.array(bytes).length, 3);
  assertEquals(Person.array(bytes, { byteOffset: 7 }).length, 2);
  assertEquals(Person.array(bytes, { byteOffset: 30 }).length, 0);
  assertEquals(Person.array(bytes, { byteOffset: 1, length: 1 }).length, 1);
  assertEquals(Person.array(bytes.buffer).length, 3);
  assertEquals(Person.array(new SharedArrayBuffer(16)).length, 2);
  assertEquals([...Person.array(bytes, { length: 0 })], []);
  assertEquals([...Person.array(bytes, { length: 0 }).column("age")], []);
});

Deno.test("Struct.at() and Struct.array() throw RangeError beyond the memory", () => {
  const bytes = new Uint8Array(30);
  assertThrows(() => Person.at(bytes, 23), RangeError, "must lie within 30 bytes");
  assertThrows(() => Person.at(bytes, 31), RangeError);
  assertThrows(() => Person.array(bytes, { byteOffset: 31 }), RangeError);
  assertThrows(() => Person.array(bytes, { byteOffset: 8, length: 3 }), RangeError);
  for (const value of [-1, 0.5, NaN, Infinity]) {
    assertThrows(() => Person.at(bytes, value), RangeError, "whole number");
    assertThrows(() => Person.array(bytes, { length: value }), RangeError, "whole number");
  }
  assertThrows(() => Person.at(bytes, "0" as never), TypeError, "must be a number");
});

Deno.test("Struct.at() throws TypeError for what is no memory", () => {
  for (const memory of [undefined, null, 5, {}, { bytes: [1] }, new Int32Array(9)]) {
    assertThrows(() => Person.at(memory as never), TypeError, "must be a region");
  }
});

Deno.test("StructArray.at() counts negative indices from the end, and throws out of range", () => {
  const people = threePeople();
  assertEquals(people.at(-1).name, "Cleo");
  assertEquals(people.at(-3).name, "Ann");
  for (const index of [3, -4, 0.5, NaN, 2 ** 32]) {
    assertThrows(() => people.at(index), RangeError, "within 3 elements");
  }
});

Deno.test("StructArray.at() throws TypeError for what is no number", () => {
  const people = threePeople();
  for (const index of ["0", undefined, null, 0n, {}]) {
    assertThrows(() => people.at(index as never), TypeError);
    assertThrows(() => people.column("age").at(index as never), TypeError);
  }
});

Deno.test("StructArray.at() throws in a hot loop too, and goes on to find the others", () => {
  const people = threePeople();
  const ages = people.column("age");
  const sum = (length: number): number => {
    let total = 0;
    for (let i = 0; i < length; i++) total += people.at(i).age + ages.at(i);
    return total;
  };
  for (let round = 0; round < 20_000; round++) sum(3);
  for (let round = 0; round < 10; round++) {
    assertThrows(() => sum(4), RangeError, "within 3 elements: received 3");
    assertEquals(sum(3), 60);
  }
});

Deno.test("StructArray.at() takes indices beyond 2 ** 32", () => {
  const length = 2 ** 32 + 8;
  using region = MmapRegion.anonymous(length, { sharing: "private", reserve: false });
  const bytes = struct({ byte: u8 }).array(region);
  bytes.at(length - 1).byte = 7;
  bytes.column("byte").set(2 ** 32, 8);
  assertEquals([bytes.at(-1).byte, bytes.at(2 ** 32).byte, bytes.at(0).byte], [7, 8, 0]);
  assertEquals([region.bytes[length - 1], region.bytes[2 ** 32]], [7, 8]);
  assertThrows(() => bytes.at(length), RangeError);
});

Deno.test("StructArray and Column have iterators that end, and go on ending", () => {
  const people = threePeople();
  const records = people[Symbol.iterator]();
  for (const name of ["Ann", "Bo", "Cleo"]) {
    const { value, done } = records.next();
    assertEquals([(value as typeof people[0]).name, done], [name, false]);
  }
  assertEquals([records.next().done, records.next().done], [true, true]);
  assertEquals(people[Symbol.iterator]().map(({ age }) => age).toArray(), [0, 10, 20]);
  const ages = people.column("age")[Symbol.iterator]();
  ages.next();
  assertEquals([...ages], [10, 20]);
});

Deno.test("Structs of the same size keep their own fields", () => {
  const types = [
    struct({ a: i32, b: i32 }),
    struct({ b: i32, a: i32 }),
    struct({ b: i32, c: i32 }),
  ];
  const bytes = new Uint8Array(8);
  for (const [i, type] of types.entries()) {
    const record = type.array(bytes).at(0) as { b: number };
    record.b = i + 1;
  }
  assertEquals([...bytes], [3, 0, 0, 0, 1, 0, 0, 0]);
});

Deno.test("StructArray has index access and iteration", () => {
  const people = threePeople();
  assertEquals(people[1]?.name, "Bo");
  assertEquals(people[3], undefined);
  (people as { [i: number]: unknown })[1] = { name: "Dan" };
  assertEquals([...people].map((person) => person.get()), [
    { name: "Ann", age: 0 },
    { name: "Dan", age: 10 },
    { name: "Cleo", age: 20 },
  ]);
  for (const person of people) person.age++;
  assertEquals([...people.column("age")], [1, 11, 21]);
});

Deno.test("StructArray.column() reads and writes one field of every record", () => {
  const people = threePeople();
  const ages = people.column("age");
  assertEquals([ages.length, ages.at(1), ages.at(-1)], [3, 10, 20]);
  ages.set(-1, 99);
  people.column("name").set(0, "Eve");
  assertEquals(people.at(2).age, 99);
  assertEquals([...people.column("name")], ["Eve", "Bo", "Cleo"]);
  for (const index of [3, -4, 0.5, NaN]) {
    assertThrows(() => ages.at(index), RangeError);
    assertThrows(() => ages.set(index, 1), RangeError);
    assertThrows(() => people.column("name").at(index), RangeError);
  }
  assertThrows(() => people.column("none" as never), TypeError, `received "none"`);
});

Deno.test("StructArray.column() of a part ends where the part does", () => {
  const bytes = Uint8Array.from({ length: 12 }, (_, i) => i);
  const Pair = struct({ a: u8, b: i8 });
  const column = Pair.array(bytes, { byteOffset: 2, length: 2 }).column("b");
  assertEquals([...column], [3, 5]);
  assertThrows(() => column.at(2), RangeError);
});

Deno.test("Records may stand at any offset of a region", () => {
  using region = MmapRegion.anonymous(4096);
  for (let byteOffset = 0; byteOffset < 9; byteOffset++) {
    const people = Person.array(region, { byteOffset, length: 2 });
    people.at(1).set({ name: "Ann", age: byteOffset });
    assertEquals(region.dataView().getInt32(byteOffset + 12, true), byteOffset);
    assertEquals(people.column("age").at(1), byteOffset);
  }
});

const Everything = struct({ name: chars(4), age: i32, scores: array(u8, 2), inner: Person });

/** Each way to memory through a record. */
function accesses(region: MmapRegion): Record<string, () => unknown> {
  const array = Everything.array(region);
  const record = array.at(1);
  const { scores, inner } = record;
  const ages = array.column("age");
  const names = array.column("name");
  const word = record.atomic("age");
  return {
    "read": () => record.age,
    "write": () => record.age = 1,
    "read text": () => record.name,
    "write text": () => record.name = "a",
    "read element": () => scores.at(0),
    "write element": () => scores[0] = 1,
    "write array": () => record.scores = [1, 2],
    "read nested": () => inner.age,
    "write nested": () => inner.age = 1,
    "get": () => record.get(),
    "set": () => record.set({ age: 1 }),
    "atomic": () => record.atomic("age"),
    "load": () => word.load(),
    "store": () => word.store(1),
    "column at": () => ages.at(0),
    "column set": () => ages.set(0, 1),
    "text column at": () => names.at(0),
    "text column set": () => names.set(0, "a"),
    "at": () => array.at(0).age,
    "column": () => array.column("age"),
    "iteration": () => [...ages],
    "iteration of records": () => [...array].map(({ age }) => age),
  };
}

Deno.test("Records of a closed region throw TypeError, at every access", () => {
  const region = MmapRegion.anonymous(4096);
  const all = accesses(region);
  for (const access of Object.values(all)) access();
  region.close();
  for (const [name, access] of Object.entries(all)) assertThrows(access, TypeError, "", name);
});

Deno.test("Records of a resized region throw TypeError, at every access", () => {
  // Shared memory of macOS cannot move.
  using region = MmapRegion.anonymous(4096, factOf({ linux: {}, darwin: { sharing: "private" } }));
  const all = accesses(region);
  region.resize(8192);
  for (const [name, access] of Object.entries(all)) assertThrows(access, TypeError, "", name);
});

Deno.test("Records throw TypeError after a hot loop too, once their region is closed", () => {
  const region = MmapRegion.anonymous(4096);
  const people = Person.array(region);
  const sum = (): number => {
    let total = 0;
    for (let i = 0; i < people.length; i++) total += people.at(i).age;
    return total;
  };
  const fill = (): void => {
    for (let i = 0; i < people.length; i++) people.at(i).age = 1;
  };
  for (let i = 0; i < 500; i++) {
    fill();
    assertEquals(sum(), 512);
  }
  region.close();
  assertThrows(sum, TypeError);
  assertThrows(fill, TypeError);
});

Deno.test("Struct.at() throws BadResource if the region is closed", () => {
  const region = MmapRegion.anonymous(4096);
  region.close();
  assertThrows(() => Person.at(region), Deno.errors.BadResource);
  assertThrows(() => Person.array(region), Deno.errors.BadResource);
});
