/** Arrays of records, columns, and memory that goes away. */

import { array, chars, i32, i8, struct, u8 } from "@mmap/mmap/struct";
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
  using region = MmapRegion.anonymous(4096, { resizable: true });
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
