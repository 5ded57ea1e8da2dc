/** Records: each kind of field, get and set, index access, atomics. */

import {
  array,
  bigEndian,
  bool,
  chars,
  f32,
  f64,
  i16,
  i32,
  i64,
  i8,
  isize,
  packed,
  struct,
  u16,
  u32,
  u64,
  u8,
  union,
  usize,
} from "@mmap/mmap/struct";
import { MmapRegion } from "@mmap/mmap";
import { assertEquals, assertThrows } from "@std/assert";

const Person = struct({ name: chars(4), age: i32 });

const Numbers = struct({ i8, u8, i16, u16, i32, u32, i64, u64, f32, f64, bool, usize, isize });

const PLAIN = {
  i8: -8,
  u8: 8,
  i16: -16,
  u16: 16,
  i32: -32,
  u32: 32,
  i64: -64n,
  u64: 64n,
  f32: 0.5,
  f64: 0.1,
  bool: true,
  usize: 1n << 63n,
  isize: -1n,
};

Deno.test("A record's properties read and write every scalar", () => {
  for (const byteOffset of [0, 1]) {
    const record = Numbers.at(new Uint8Array(Numbers.byteLength + 1), byteOffset);
    Object.assign(record, PLAIN);
    assertEquals(record.get(), PLAIN);
    for (const name of Object.keys(PLAIN) as (keyof typeof PLAIN)[]) {
      assertEquals(record[name], PLAIN[name], name);
    }
    record.set({ bool: false, i8: 3 });
    assertEquals(record.get(), { ...PLAIN, bool: false, i8: 3 });
  }
});

Deno.test("A record lies at its offset, and touches nothing else", () => {
  const bytes = new Uint8Array(24).fill(0xee);
  const person = Person.at(bytes.subarray(4), 3);
  person.name = "Bo";
  person.age = 0x01020304;
  const expected = [...new Uint8Array(7).fill(0xee), 0x42, 0x6f, 0, 0, 4, 3, 2, 1];
  assertEquals([...bytes], [...expected, ...new Uint8Array(9).fill(0xee)]);
});

Deno.test("A record's integers wrap as those of typed arrays", () => {
  const record = Numbers.at(new ArrayBuffer(Numbers.byteLength));
  const wrapped = [
    ["i8", Int8Array],
    ["u8", Uint8Array],
    ["i16", Int16Array],
    ["u16", Uint16Array],
    ["i32", Int32Array],
    ["u32", Uint32Array],
    ["f32", Float32Array],
  ] as const;
  for (const [name, type] of wrapped) {
    for (const value of [-1, 1.9, -1.9, 2 ** 31, 2 ** 32 + 5, 1e20, NaN, Infinity]) {
      const [expected] = type.of(value);
      record[name] = value;
      assertEquals(record[name], expected, `${name} = ${value}`);
      record.set({ [name]: value });
      assertEquals(record[name], expected, `set ${name} to ${value}`);
    }
  }
  record.i64 = (1n << 63n) + 5n;
  assertEquals(record.i64, -(1n << 63n) + 5n);
  record.set({ u64: -1n });
  assertEquals(record.u64, (1n << 64n) - 1n);
});

Deno.test("A record throws TypeError for a bigint in place of a number, and the reverse", () => {
  const record = Numbers.at(new ArrayBuffer(Numbers.byteLength));
  assertThrows(() => record.i32 = 1n as never, TypeError);
  assertThrows(() => record.i64 = 1 as never, TypeError);
  assertThrows(() => record.set({ i32: 1n as never }), TypeError);
  assertThrows(() => record.set({ i64: 1 as never }), TypeError);
});

Deno.test("bool reads every byte but 0 as true, and writes 1", () => {
  const bytes = Uint8Array.of(7);
  const record = struct({ flag: bool }).at(bytes);
  assertEquals(record.flag, true);
  record.flag = "yes" as never;
  assertEquals(bytes[0], 1);
});

Deno.test("chars() reads to the first NUL, in UTF-8", () => {
  const bytes = new Uint8Array(8).fill(0xff);
  const person = Person.at(bytes);
  person.name = "é";
  assertEquals([...bytes.subarray(0, 5)], [0xc3, 0xa9, 0, 0, 0xff]);
  assertEquals(person.name, "é");
  person.name = "Emma"; // full: no NUL
  assertEquals([...bytes.subarray(3, 5)], [0x61, 0xff]);
  assertEquals(person.name, "Emma");
  person.name = "";
  assertEquals(person.name, "");
  person.name = "\ufeffa"; // a byte order mark is text here
  assertEquals(person.name, "\ufeffa");
});

Deno.test("chars() throws RangeError for text of more bytes, and changes nothing", () => {
  const person = Person.at(new Uint8Array(8));
  person.set({ name: "Ann", age: 1 });
  assertThrows(() => person.name = "Emmas", RangeError, "fit 4 bytes: received 5");
  assertThrows(() => person.name = "ééé", RangeError, "fit 4 bytes: received 6");
  assertThrows(() => person.set({ age: 2, name: "Emmas" }), RangeError);
  assertThrows(() => person.name = 5 as never, TypeError, "must be a string");
  assertEquals(person.get(), { name: "Ann", age: 1 });
});

Deno.test("set() is partial, skips undefined, and throws TypeError for other names", () => {
  const person = Person.at(new Uint8Array(8));
  person.set({ age: 7 });
  person.set({ name: "Bo", age: undefined as never });
  assertEquals(person.get(), { name: "Bo", age: 7 });
  assertThrows(() => person.set({ agee: 7 } as never), TypeError, `received "agee"`);
  assertThrows(() => person.set(null as never), TypeError, "must be an object");
});

const Shape = struct({
  id: u8,
  points: array(struct({ x: i16, y: i16 }), 2),
  grid: array(array(i32, 2), 3),
  tags: array(chars(2), 2),
  origin: struct({ x: f64 }),
});

Deno.test("Nested structs and arrays read in place, and copy by get()", () => {
  const shape = Shape.at(new Uint8Array(Shape.byteLength));
  shape.origin.x = 2.5;
  shape.points.at(-1).y = 9;
  shape.grid = [[1, 2], [3, 4], [5, 6]];
  shape.grid[1]![0] = 30;
  shape.tags = ["a", "bc"];
  const copy = shape.get();
  assertEquals(copy, {
    id: 0,
    points: [{ x: 0, y: 0 }, { x: 0, y: 9 }],
    grid: [[1, 2], [30, 4], [5, 6]],
    tags: ["a", "bc"],
    origin: { x: 2.5 },
  });
  shape.set({ points: [{ x: 1 }, { y: 8 }], origin: { x: 3 } });
  assertEquals(shape.points.at(0).get(), { x: 1, y: 0 });
  assertEquals([...shape.points].map(({ y }) => y), [0, 8]);
  assertEquals(copy.origin.x, 2.5);
});

Deno.test("An array field is an iterable with length, at and index access", () => {
  const record = struct({ scores: array(u16, 3) }).at(new Uint8Array(6));
  record.scores = [1, 2, 3];
  record.scores[1] = 20;
  assertEquals([...record.scores], [1, 20, 3]);
  assertEquals([record.scores.length, record.scores.at(-1), record.scores[0]], [3, 3, 1]);
  assertEquals(record.scores[3], undefined);
  assertThrows(() => record.scores.at(3), RangeError, "within 3 elements: received 3");
  assertThrows(() => record.scores.at(0.5), RangeError);
  assertThrows(() => record.scores[3] = 1, RangeError);
});

Deno.test("An array field is set with any iterable of its length, or not at all", () => {
  const record = struct({ scores: array(u16, 3) }).at(new Uint8Array(6));
  function* forever(): Generator<number> {
    for (let i = 1;; i++) yield i;
  }
  record.scores = Float64Array.of(7, 8, 9);
  record.set({ scores: new Set([4, 5, 6]) });
  assertEquals(record.get(), { scores: [4, 5, 6] });
  assertThrows(() => record.set({ scores: [1, 2] }), RangeError, "3 elements: received 2");
  assertThrows(() => record.set({ scores: forever() }), RangeError, "received more");
  assertThrows(() => record.set({ scores: 5 as never }), TypeError, "iterable");
  assertEquals(record.get(), { scores: [4, 5, 6] });
});

Deno.test("A record can be set to another record", () => {
  const records = Shape.array(new Uint8Array(2 * Shape.byteLength));
  records.at(0).set({ id: 5, tags: ["x", "y"], origin: { x: 1 } });
  records.at(1).set(records.at(0));
  assertEquals(records.at(1).get(), records.at(0).get());
  records.at(0).origin.x = 4;
  records.at(1).origin = records.at(0).origin;
  assertEquals(records.at(1).origin.x, 4);
});

Deno.test("bigEndian() turns scalars, arrays and structs, wherever they are", () => {
  const Header = packed({
    port: bigEndian(u16),
    sizes: bigEndian(array(u32, 2)),
    inner: bigEndian(struct({ a: i64, b: chars(2) })),
    plain: u16,
  });
  const bytes = new Uint8Array(Header.byteLength);
  const header = Header.at(bytes);
  header.set({ port: 1, sizes: [2, 3], inner: { a: 4n, b: "ab" }, plain: 5 });
  const inner = [0, 0, 0, 0, 0, 0, 0, 4, 0x61, 0x62, 0, 0, 0, 0, 0, 0];
  assertEquals([...bytes], [0, 1, 0, 0, 0, 2, 0, 0, 0, 3, ...inner, 5, 0]);
  header.port += 0xff;
  assertEquals([bytes[0], bytes[1], header.port], [1, 0, 256]);
});

Deno.test("union() shares the bytes of its fields", () => {
  const value = union({ number: f32, word: u32 }).at(new Uint8Array(4));
  value.set({ number: 1 });
  assertEquals(value.get(), { number: 1, word: 0x3f800000 });
});

Deno.test("set() of a union writes its fields in their order", () => {
  const value = union({ number: f32, word: u32 }).at(new Uint8Array(4));
  value.set({ word: 5, number: 1 });
  assertEquals(value.word, 5);
});

Deno.test("set() throws TypeError for a record of another struct, and changes nothing", () => {
  const person = Person.at(new Uint8Array(8));
  const other = struct({ age: i32 }).at(new Uint8Array(4).fill(1));
  assertThrows(() => person.set(other as never), TypeError, "its fields are name, age");
  assertEquals(person.get(), { name: "", age: 0 });
});

Deno.test("Records print and become JSON as plain objects", () => {
  const people = Person.array(new Uint8Array(16));
  people.at(1).set({ name: "Ann", age: 3 });
  assertEquals(JSON.stringify(people), `[{"name":"","age":0},{"name":"Ann","age":3}]`);
  assertEquals(Deno.inspect(people.at(1)), `{ name: "Ann", age: 3 }`);
  const scores = struct({ scores: array(u8, 2) }).at(new Uint8Array(2)).scores;
  assertEquals([Deno.inspect(scores), JSON.stringify(scores)], ["[ 0, 0 ]", "[0,0]"]);
});

const Counters = struct({ i32, u32, i64, u64, isize, usize, small: i16, big: bigEndian(i32) });

Deno.test("atomic() has every operation, on 32 and 64 bits", () => {
  using region = MmapRegion.anonymous(4096);
  const record = Counters.at(region, 64);
  const word = record.atomic("i32");
  assertEquals([word.store(6), word.add(4), word.sub(1), word.load()], [6, 6, 10, 9]);
  assertEquals([word.and(8), word.or(3), word.xor(1), word.exchange(-1)], [9, 8, 11, 10]);
  assertEquals([word.compareExchange(0, 5), word.compareExchange(-1, 5), record.i32], [-1, -1, 5]);
  const unsigned = record.atomic("u32");
  assertEquals([unsigned.sub(1), unsigned.load()], [0, 2 ** 32 - 1]);
  for (const name of ["i64", "u64", "isize", "usize"] as const) {
    const wide = record.atomic(name);
    assertEquals([wide.add(5n), wide.compareExchange(5n, 7n), record[name]], [0n, 5n, 7n]);
  }
});

Deno.test("atomic() throws TypeError for other fields, and RangeError for misaligned ones", () => {
  const memory = new Uint8Array(100);
  const record = Counters.at(memory);
  for (const name of ["small", "big", "none"]) {
    assertThrows(() => record.atomic(name as never), TypeError, "Cannot access field atomically");
  }
  assertThrows(
    () => Counters.at(memory, 2).atomic("i32"),
    RangeError,
    "its address must be a multiple of 4",
  );
  assertThrows(
    () => Counters.at(memory, 4).atomic("i64"),
    RangeError,
    "its address must be a multiple of 8",
  );
  Counters.at(memory, 4).atomic("i32").add(1);
});
