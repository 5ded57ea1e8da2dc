/**
 * What the compiler must know of structs: `deno check` is the test, and nothing here is ever run. An
 * `@ts-expect-error` without an error is one itself.
 */

import {
  array,
  bigEndian,
  bool,
  chars,
  f64,
  i16,
  i32,
  i64,
  packed,
  struct,
  type StructValue,
  u8,
  usize,
} from "@mmap/mmap/struct";
import type { MmapRegion } from "@mmap/mmap";

/** Exactly the same type, in both directions. */
type Same<A, B> = [A] extends [B] ? [B] extends [A] ? true : false : false;

/** Compiles only for `true`. */
function holds<_T extends true>(): void {}

declare const region: MmapRegion;

const Inner = packed({ x: f64, flags: array(u8, 2) });
const Person = struct({
  name: chars(4),
  age: i32,
  total: bigEndian(i64),
  small: i16,
  size: usize,
  alive: bool,
  inner: Inner,
  list: array(Inner, 2),
  grid: array(array(i32, 2), 2),
});

/** Values follow from the layout. */
export function values(): void {
  type Value = StructValue<typeof Person>;
  type Expected = {
    name: string;
    age: number;
    total: bigint;
    small: number;
    size: bigint;
    alive: boolean;
    inner: { x: number; flags: number[] };
    list: { x: number; flags: number[] }[];
    grid: number[][];
  };
  holds<Same<Value, Expected>>();
  holds<Same<typeof Person.offsets.age, number>>();
  // @ts-expect-error: no such field
  Person.offsets.none;
}

/** Properties read and take their own types. */
export function properties(): void {
  const person = Person.at(region, 0);
  holds<Same<typeof person.age, number>>();
  holds<Same<typeof person.total, bigint>>();
  const x: number = person.inner.x + person.list.at(0).x;
  person.name = `${x}`;
  person.inner.flags = [1, 2];
  person.inner.flags = Uint8Array.of(1, 2);
  person.grid = [[1, 2], [3, 4]];
  person.grid[0]![1] = 5;
  // @ts-expect-error: a bigint is no number
  person.age = 5n;
  // @ts-expect-error: a number is no bigint
  person.total = 5;
  // @ts-expect-error: text is no number
  person.age = "5";
  // @ts-expect-error: no such field
  person.none = 5;
  // @ts-expect-error: text in a list of numbers
  person.inner.flags = ["a"];
}

/** set() takes some of the fields, and any iterable for an array. */
export function set(): void {
  const person = Person.at(region);
  person.set({ age: 1, inner: { x: 1 }, list: new Set([{ x: 1 }]), grid: [new Set([1])] });
  person.set(person.get());
  // @ts-expect-error: no such field
  person.set({ none: 1 });
  // @ts-expect-error: text is no number
  person.set({ inner: { x: "1" } });
}

/** Only integers of 32 and 64 bits are atomic. */
export function atomics(): void {
  const person = Person.at(region);
  const age: number = person.atomic("age").add(1);
  const size: bigint = person.atomic("size").add(1n);
  // @ts-expect-error: a bigint is no number
  person.atomic("age").add(size);
  // @ts-expect-error: 16 bits
  person.atomic("small");
  // @ts-expect-error: text
  person.atomic("name");
  // @ts-expect-error: no such field
  person.atomic("none");
  person.age = age;
}

/** Arrays and columns. */
export function arrays(): void {
  const people = Person.array(region, { byteOffset: 8, length: 3 });
  for (const { name, age } of people) holds<Same<[typeof name, typeof age], [string, number]>>();
  const total: bigint = people.column("total").at(0);
  people.column("total").set(0, total);
  people.column("grid").set(0, [[1, 2], [3, 4]]);
  // @ts-expect-error: no such field
  people.column("none");
  // @ts-expect-error: a number is no bigint
  people.column("total").set(0, 1);
  // @ts-expect-error: records are set field by field
  people[0] = people.at(1);
}

/** What structs are made of. */
export function making(): void {
  // @ts-expect-error: no type
  struct({ a: "i32" });
  // @ts-expect-error: no type
  array("i32", 4);
  // @ts-expect-error: a length is needed
  array(i32);
  // @ts-expect-error: no memory
  Person.at(new Int32Array(4));
}
