/** What the raw calls refuse before they ask the kernel. */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import * as libc from "@mmap/mmap/libc";
import { isSystemError } from "@mmap/mmap";
import { pageSize } from "../../ffi/file_calls.ts";
import { thrownBy } from "../_errors.ts";
import { patchLibc } from "../_libc.ts";

type Call = (...args: unknown[]) => unknown;
type Kind = keyof typeof GOOD;

/** Each call's arguments, by kind and C name. */
const SIGNATURES: Record<string, [Kind, string][]> = {
  mmap: [
    ["pointer", "addr"],
    ["size", "length"],
    ["int", "prot"],
    ["int", "flags"],
    ["int", "fd"],
    ["size", "offset"],
  ],
  munmap: [["pointer", "addr"], ["size", "length"]],
  msync: [["pointer", "addr"], ["size", "length"], ["int", "flags"]],
  mprotect: [["pointer", "addr"], ["size", "length"], ["int", "prot"]],
  madvise: [["pointer", "addr"], ["size", "length"], ["int", "advice"]],
  mremap: [
    ["pointer", "old_address"],
    ["size", "old_size"],
    ["size", "new_size"],
    ["int", "flags"],
    ["pointer", "new_address"],
  ],
  mlock: [["pointer", "addr"], ["size", "length"]],
  munlock: [["pointer", "addr"], ["size", "length"]],
  mincore: [["pointer", "addr"], ["size", "length"], ["bytes", "vec"]],
  open: [["string", "pathname"], ["int", "flags"], ["int", "mode"]],
  close: [["int", "fd"]],
  ftruncate: [["int", "fd"], ["size", "length"]],
  shm_open: [["string", "name"], ["int", "oflag"], ["int", "mode"]],
  shm_unlink: [["string", "name"]],
  memfd_create: [["string", "name"], ["int", "flags"]],
  sysconf: [["int", "name"]],
};

const GOOD = {
  pointer: null,
  size: 1,
  int: 0,
  string: "x",
  bytes: new Uint8Array(1),
};

const BAD: Record<Kind, unknown[]> = {
  pointer: [0, 0n, "0", {}, [], undefined, true],
  size: [1.5, NaN, Infinity, 2 ** 53, "1", null, {}],
  int: [1.5, NaN, Infinity, 1n, "1", null, undefined, {}],
  string: [1, null, {}, ["x"], "a\0b"],
  bytes: [null, [0], new Uint16Array(1), new ArrayBuffer(1), "x"],
};

/** Runs `body` with a libc that must not be called. */
function withoutLibc(body: () => void): void {
  if (Deno.build.os === "windows") return body(); // which has none
  const forbidden = (): never => {
    throw new Error("libc was called");
  };
  const restore = patchLibc(
    Object.fromEntries(Object.keys(SIGNATURES).map((name) => [name, forbidden])),
  );
  try {
    body();
  } finally {
    restore();
  }
}

for (const [name, signature] of Object.entries(SIGNATURES)) {
  const call = (libc as unknown as Record<string, Call>)[name]!;
  Deno.test(`${name}() throws TypeError for an argument of another type, before any system call`, () => {
    const good: unknown[] = signature.map(([kind]) => GOOD[kind]);
    for (const [i, [kind, argument]] of signature.entries()) {
      for (const bad of BAD[kind]) {
        if (bad === undefined && good.length - 1 === i && call.length <= i) continue; // optional
        const error = thrownBy(() => withoutLibc(() => call(...good.with(i, bad))));
        assertEquals((error as Error).constructor, TypeError, `${argument} ${String(bad)}`);
        assertEquals(isSystemError(error), false);
        const expected = `Cannot call ${name} as ${argument} `;
        assertEquals((error as Error).message.slice(0, expected.length), expected);
      }
    }
  });
}

Deno.test("mincore() throws TypeError for a vec with too few bytes, and for no other one", () => {
  const { mincore } = libc;
  const length = 2 * pageSize() + 1;
  const tell = (byteLength: number) => mincore(null, length, new Uint8Array(byteLength));
  const needed = "Cannot call mincore as vec must be a Uint8Array of 3 bytes";
  for (const few of [0, 2]) assertThrows(() => withoutLibc(() => tell(few)), TypeError, needed);
  assertThrows(() => withoutLibc(() => tell(3)), Error, "libc was called");
});

// Elsewhere there is no such test: `deno task test:windows` runs it.
if (Deno.build.os === "windows") {
  Deno.test("each raw call throws NotSupported on Windows, which has no libc", () => {
    for (const [name, signature] of Object.entries(SIGNATURES)) {
      const call = (libc as unknown as Record<string, Call>)[name]!;
      const good = signature.map(([kind]) => GOOD[kind]);
      const error = thrownBy(() => call(...good)) as Error;
      assertEquals(error.constructor, Deno.errors.NotSupported, name);
      assertStringIncludes(error.message, "Cannot call libc on Windows", name);
    }
  });
}

Deno.test("the raw calls of ./libc are exactly those that are promised", () => {
  const functions = Object.entries(libc).filter(([, value]) => typeof value === "function")
    .map(([name]) => name);
  assertEquals(functions.sort(), [...Object.keys(SIGNATURES), "isSystemError"].sort());
});

Deno.test("the raw calls say which argument is wrong, what it should be and what it was", () => {
  assertThrows(
    () => libc.mmap(null, 1.5, 0, 0, -1, 0),
    TypeError,
    "Cannot call mmap as length must be a safe integer or a bigint: received 1.5",
  );
  assertThrows(
    () => libc.munmap(8 as unknown as null, 1),
    TypeError,
    "Cannot call munmap as addr must be a pointer or null: received 8",
  );
});
