/** Page arithmetic, on the numbers where it can go wrong. */

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  alignDown,
  alignUp,
  type ByteRange,
  optionalNumber,
  readRange,
  resolveRange,
  wholeNumber,
  widen,
} from "../../src/mapping/pages.ts";

const MAX = Number.MAX_SAFE_INTEGER;

Deno.test("alignDown() and alignUp() go to the multiples around a number", () => {
  const cases: [number, number, number][] = [
    [0, 0, 0],
    [1, 0, 4096],
    [4095, 0, 4096],
    [4096, 4096, 4096],
    [4097, 4096, 8192],
    [2 ** 32 + 1, 2 ** 32, 2 ** 32 + 4096],
    [2 ** 45 - 1, 2 ** 45 - 4096, 2 ** 45],
  ];
  for (const [value, down, up] of cases) {
    assertEquals([alignDown(value, 4096), alignUp(value, 4096)], [down, up], String(value));
  }
  assertEquals([alignDown(70_000, 65_536), alignUp(70_000, 65_536)], [65_536, 131_072]);
});

Deno.test("alignDown() and alignUp() enclose every number with less than a unit", () => {
  for (const unit of [4096, 16_384, 65_536]) {
    for (let value = 0; value < 3 * unit; value += 61) {
      const [down, up] = [alignDown(value, unit), alignUp(value, unit)];
      assert(down % unit === 0 && up % unit === 0);
      assert(down <= value && value - down < unit && up >= value && up - value < unit);
    }
  }
});

Deno.test("widen() covers a span with whole pages and no page more", () => {
  const cases: [number, number, number, number][] = [
    [0, 1, 0, 4096],
    [0, 4096, 0, 4096],
    [1, 4095, 0, 4096],
    [1, 4096, 0, 8192],
    [4095, 2, 0, 8192],
    [4096, 1, 4096, 4096],
    [8191, 1, 4096, 4096],
    [5000, 10_000, 4096, 12_288],
  ];
  for (const [byteOffset, byteLength, start, length] of cases) {
    assertEquals(widen({ byteOffset, byteLength }, 4096), {
      byteOffset: start,
      byteLength: length,
    });
  }
});

Deno.test("wholeNumber() lets whole numbers of at least the least pass", () => {
  for (const value of [0, -0, 1, 2 ** 40, MAX]) {
    assertStrictEquals(wholeNumber(value, "n", "do"), value);
  }
  assertStrictEquals(wholeNumber(1, "n", "do", 1), 1);
});

Deno.test("wholeNumber() throws RangeError for other numbers and says what it wants", () => {
  for (const value of [-1, 0.5, NaN, Infinity, -Infinity, MAX + 1]) {
    assertThrows(
      () => wholeNumber(value, "byteLength", "map file"),
      RangeError,
      `Cannot map file as byteLength must be a whole number of at least 0: received ${value}`,
    );
  }
  assertThrows(() => wholeNumber(0, "n", "do", 1), RangeError, "of at least 1: received 0");
});

Deno.test("wholeNumber() throws TypeError for what is no number", () => {
  for (const value of [undefined, null, "1", 1n, {}, [1], true, new Number(1)]) {
    assertThrows(
      () => wholeNumber(value, "n", "do"),
      TypeError,
      `Cannot do as n must be a number: received ${typeof value}`,
    );
  }
});

Deno.test("optionalNumber() lets undefined pass, and null not", () => {
  assertStrictEquals(optionalNumber(undefined, "n", "do"), undefined);
  assertStrictEquals(optionalNumber(3, "n", "do"), 3);
  assertThrows(() => optionalNumber(null, "n", "do"), TypeError);
});

Deno.test("readRange() reads each property once and checks it", () => {
  assertEquals(readRange(undefined, "do"), {});
  assertEquals(readRange({}, "do"), { byteOffset: 0 });
  assertEquals(readRange({ byteOffset: 3, byteLength: 4 }, "do"), { byteOffset: 3, byteLength: 4 });
  const read: string[] = [];
  const range = new Proxy({ byteOffset: 1, byteLength: 2 }, {
    get: (target, key) => (read.push(String(key)), Reflect.get(target, key)),
  });
  readRange(range, "do");
  assertEquals(read, ["byteOffset", "byteLength"]);
});

Deno.test("readRange() throws TypeError for other types and RangeError for an empty range", () => {
  for (const range of [null, 1, "x", true] as unknown[]) {
    assertThrows(() => readRange(range as ByteRange, "do"), TypeError, "must be an object");
  }
  assertThrows(() => readRange({ byteLength: 0 }, "do"), RangeError);
  assertThrows(() => readRange({ byteOffset: -1 }, "do"), RangeError);
  assertThrows(() => readRange({ byteOffset: "1" as unknown as number }, "do"), TypeError);
});

Deno.test("resolveRange() reaches to the end by default", () => {
  assertEquals(resolveRange({}, 10, "do"), { byteOffset: 0, byteLength: 10 });
  assertEquals(resolveRange({ byteOffset: 9 }, 10, "do"), { byteOffset: 9, byteLength: 1 });
  assertEquals(resolveRange({ byteLength: 10 }, 10, "do"), { byteOffset: 0, byteLength: 10 });
});

Deno.test("resolveRange() throws RangeError for a range that is empty or reaches beyond", () => {
  const ranges: ByteRange[] = [
    { byteOffset: 10 },
    { byteOffset: 11 },
    { byteLength: 11 },
    { byteOffset: 1, byteLength: 10 },
    { byteOffset: MAX, byteLength: MAX },
    { byteOffset: 1, byteLength: MAX },
    { byteOffset: MAX },
  ];
  for (const range of ranges) {
    const { byteOffset = 0, byteLength = "to the end" } = range;
    assertThrows(
      () => resolveRange(range, 10, "do"),
      RangeError,
      "Cannot do as the range must lie within 10 bytes: " +
        `received byteOffset ${byteOffset}, byteLength ${byteLength}`,
    );
  }
});
