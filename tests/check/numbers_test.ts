/** Numbers that callers give. */

import { assertStrictEquals, assertThrows } from "@std/assert";
import { optionalNumber, timeout, wholeNumber } from "../../src/check/numbers.ts";

const MAX = Number.MAX_SAFE_INTEGER;

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

Deno.test("wholeNumber() throws RangeError above the most there may be", () => {
  assertStrictEquals(wholeNumber(7, "n", "do", 1, 7), 7);
  assertThrows(
    () => optionalNumber(8, "n", "do", 1, 7),
    RangeError,
    "Cannot do as n must be at most 7: received 8",
  );
});

Deno.test("timeout() takes fractions and Infinity, and says what it wants of others", () => {
  for (const value of [0, 0.5, 30, Infinity]) assertStrictEquals(timeout(value, "do"), value);
  assertStrictEquals(timeout(undefined, "do"), Infinity);
  assertStrictEquals(timeout(undefined, "do", 30), 30);
  for (const value of [-1, -0.5, NaN, -Infinity]) {
    assertThrows(() => timeout(value, "do"), RangeError, "Cannot do as timeoutMs must be");
  }
  for (const value of [null, "1", 1n]) {
    assertThrows(() => timeout(value, "do"), TypeError, "Cannot do as timeoutMs must be a number");
  }
});
