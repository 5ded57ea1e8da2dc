/** The detour that Apple's arm64 wants for variadic functions. */

import { assertEquals } from "@std/assert";
import { DARWIN_SYMBOLS, SYMBOLS } from "../../ffi/symbols.ts";
import { padCall, padSignature, VARIADIC_FIXED_COUNTS } from "../../ffi/variadic.ts";

Deno.test("padSignature() moves the variadic parameter to the ninth place, eight bytes wide", () => {
  assertEquals(padSignature(SYMBOLS.open, 2), {
    parameters: ["buffer", "i32", "i64", "i64", "i64", "i64", "i64", "i64", "i64"],
    result: "i32",
  });
  assertEquals(padSignature(SYMBOLS.fcntl, 2).parameters.length, 9);
});

Deno.test("padSignature() keeps pointers and buffers, and everything but the parameters", () => {
  const padded = padSignature({
    name: "f",
    parameters: ["i32", "buffer", "u32", "pointer"],
    result: "isize",
    optional: true,
  }, 1);
  assertEquals(padded, {
    name: "f",
    parameters: ["i32", ...Array<"i64">(7).fill("i64"), "buffer", "i64", "pointer"],
    result: "isize",
    optional: true,
  });
});

Deno.test("padCall() places zeros where the dummies are and the arguments behind them", () => {
  const path = new Uint8Array(1);
  let received: unknown[] = [];
  const call = padCall<[Uint8Array, number, number], number>((...args) => {
    received = args;
    return 7;
  }, 2);
  assertEquals(call(path, 3, 0o600), 7);
  assertEquals(received, [path, 3, 0n, 0n, 0n, 0n, 0n, 0n, 0o600n]);
});

Deno.test("padCall() passes variadic arguments that are no numbers as they are", () => {
  const bytes = new Uint8Array(4);
  let received: unknown[] = [];
  const call = padCall<[number, bigint, Uint8Array, null], void>((...args) => {
    received = args;
  }, 1);
  call(1, -5n, bytes, null);
  assertEquals(received.slice(8), [-5n, bytes, null]);
});

Deno.test("VARIADIC_FIXED_COUNTS names symbols of the table with parameters to spare", () => {
  const symbols = { ...SYMBOLS, ...DARWIN_SYMBOLS };
  for (const [name, fixed] of Object.entries(VARIADIC_FIXED_COUNTS)) {
    const { parameters } = symbols[name as keyof typeof symbols];
    assertEquals(parameters.length, fixed + 1, name);
  }
});
