/** Sizes, alignments and offsets: by hand, and as gcc has them. */

import {
  array,
  bigEndian,
  bool,
  chars,
  cHeader,
  f64,
  i16,
  i32,
  i64,
  packed,
  struct,
  u16,
  u8,
  union,
} from "@mmap/mmap/struct";
import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { needsC, runC } from "../_gcc.ts";
import { makeStruct, Random } from "./_generated.ts";

Deno.test("struct() pads between fields and behind them", () => {
  const type = struct({ a: u8, b: i64, c: i16, d: u8 });
  assertEquals(type.offsets, { a: 0, b: 8, c: 16, d: 18 });
  assertEquals([type.byteLength, type.alignment], [24, 8]);
});

Deno.test("packed() leaves no padding, and a struct in it keeps its own", () => {
  const inner = struct({ a: u8, b: i32 });
  const type = packed({ a: u8, inner, b: f64 });
  assertEquals(type.offsets, { a: 0, inner: 1, b: 9 });
  assertEquals([type.byteLength, type.alignment], [17, 1]);
});

Deno.test("union() puts all fields at 0 and is as large as the largest, rounded up", () => {
  const type = union({ a: chars(9), b: i32 });
  assertEquals(type.offsets, { a: 0, b: 0 });
  assertEquals([type.byteLength, type.alignment], [12, 4]);
});

Deno.test("array() is as aligned as its elements", () => {
  const type = struct({ a: u8, b: array(struct({ c: i16, d: u8 }), 3), e: bool });
  assertEquals(type.offsets, { a: 0, b: 2, e: 14 });
  assertEquals([type.byteLength, type.alignment], [16, 2]);
});

Deno.test("bigEndian() changes no offset", () => {
  const type = struct({ a: u8, b: array(i64, 2), c: chars(3) });
  const turned = bigEndian(type);
  assertEquals([turned.offsets, turned.byteLength], [type.offsets, type.byteLength]);
});

Deno.test("Struct.layoutHash is the same for the same layout, and for no other", () => {
  const hash = (fields: Parameters<typeof struct>[0]): string => struct(fields).layoutHash;
  assertEquals(hash({ a: i32, b: u8 }), hash({ a: i32, b: u8 }));
  const others = [
    hash({ a: i32, c: u8 }),
    hash({ b: u8, a: i32 }),
    hash({ a: i32, b: bool }),
    hash({ a: bigEndian(i32), b: u8 }),
    packed({ a: i32, b: u8 }).layoutHash,
    union({ a: i32, b: u8 }).layoutHash,
    hash({ a: i32, b: array(u8, 1) }),
  ];
  for (const other of others) assertNotEquals(other, hash({ a: i32, b: u8 }));
  assertEquals(new Set(others).size, others.length);
  assertEquals(hash({ a: u16 }).length, 16);
  const types = [u16, bigEndian(u16), chars(2), array(u8, 2), hash({ a: u16 })];
  assertEquals(
    new Set(types.map((type) => typeof type === "string" ? type : type.layoutHash)).size,
    5,
  );
});

Deno.test("struct() throws TypeError for names that no field can have", () => {
  for (const name of ["get", "set", "atomic", "toJSON", "constructor", "0", "a-b", "", "ä", "#a"]) {
    assertThrows(() => struct({ [name]: i32 }), TypeError, "Cannot lay out struct");
  }
  assertThrows(() => struct(JSON.parse(`{"__proto__": 1}`)), TypeError, "__proto__");
});

Deno.test("struct() throws TypeError for what is no type", () => {
  for (const type of [undefined, null, "i32", {}, 4]) {
    assertThrows(() => struct({ a: type as never }), TypeError, "a field's type");
    assertThrows(() => array(type as never, 1), TypeError, "a field's type");
    assertThrows(() => bigEndian(type as never), TypeError, "a field's type");
  }
  assertThrows(() => struct({}), TypeError, "must have at least one field");
  assertThrows(() => struct(null as never), TypeError, "must be an object");
});

Deno.test("array() and chars() throw for lengths that are none", () => {
  for (const length of [0, -1, 1.5, NaN, Infinity]) {
    assertThrows(() => array(i32, length), RangeError, "length must be a whole number");
    assertThrows(() => chars(length), RangeError, "byteLength must be a whole number");
  }
  assertThrows(() => chars("4" as never), TypeError, "received string");
});

Deno.test({
  name: "struct() lays 200 generated structs out as gcc does",
  ...needsC,
  fn: async () => {
    const random = new Random(20);
    const types = Array.from({ length: 200 }, () => makeStruct(random));
    const headers = types.map((type, i) => cHeader(type, `S${i}`));
    const tagOf = (i: number): string => headers[i]!.includes(`union S${i} {`) ? "union" : "struct";
    const prints = types.map((type, i) => {
      const tag = `${tagOf(i)} S${i}`;
      const offsets = Object.keys(type.offsets).map((name) => `, (int) offsetof(${tag}, ${name})`);
      const format = "%d ".repeat(2 + offsets.length).trim();
      return `printf("${format}\\n", (int) sizeof(${tag}), (int) _Alignof(${tag})${
        offsets.join("")
      });`;
    });
    // Without the header's own checks: it is gcc's numbers that are asked for.
    const source = headers.join("\n").replaceAll(/^STRUCT_ASSERT\(.*$/gm, "");
    const output = await runC(
      `#include <stdio.h>\n${source}\nint main(void) {\n${prints.join("\n")}\n}`,
    );
    const ours = types.map((type) =>
      [type.byteLength, type.alignment, ...Object.values(type.offsets)].join(" ")
    );
    assertEquals(output.trimEnd().split("\n"), ours);
  },
});
