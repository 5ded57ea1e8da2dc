/** Ranges of bytes that callers give. */

import { assertEquals, assertThrows } from "@std/assert";
import { type ByteRange, readRange, resolveRange } from "../../src/check/range.ts";

const MAX = Number.MAX_SAFE_INTEGER;

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
