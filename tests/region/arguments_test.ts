/**
 * Wrong types are TypeErrors and wrong values RangeErrors, before any system call. The objects that
 * the calls name do not exist, so a call that did not check first would throw another error.
 */

import { closeSync, openSync } from "node:fs";
import { assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import {
  type AnonymousOptions,
  type MapOptions,
  MmapRegion,
  type OpenRegionOptions,
  type RegionHandle,
} from "@mmap/mmap";
import * as C from "@mmap/mmap/libc";
import { isSystemError } from "@mmap/mmap";
import { assertClass, thrownBy } from "../_errors.ts";

const NO_FILE = "/no/such/directory/file";
/** Higher than any limit of descriptors allows. */
const NO_FD = 2 ** 30;
/** A well-formed handle of an object that is not there. */
const NO_OBJECT: RegionHandle = {
  version: 2,
  system: Deno.build.os as RegionHandle["system"],
  kind: "file",
  access: "read-write",
  byteOffset: 0,
  byteLength: 4096,
  path: NO_FILE,
  device: 1,
  inode: "1",
  birthTime: "",
  pid: 2 ** 30,
  fd: 3,
  startTime: 1,
  bootId: "",
};

type Call = (options: unknown) => MmapRegion;

const open: Call = (o) => MmapRegion.open(NO_FILE, o as OpenRegionOptions);
const fromFd: Call = (o) => MmapRegion.fromFd(NO_FD, o as MapOptions);
const anonymous: Call = (o) => MmapRegion.anonymous(4096, o as AnonymousOptions);
const attach: Call = (o) => MmapRegion.attach(NO_OBJECT, o as MapOptions);

const MAPS_OBJECTS = { open, fromFd, attach };
const CALLS = { ...MAPS_OBJECTS, anonymous };

const SYMBOL = Symbol("x");
const NO_NUMBERS = [
  null,
  "1",
  "",
  {},
  [],
  [1],
  true,
  1n,
  SYMBOL,
  () => 1,
  new Number(1),
  new Date(),
];
const NO_WHOLE_NUMBERS = [
  NaN,
  Infinity,
  -Infinity,
  -1,
  0.5,
  1.5,
  2 ** 53,
  1e300,
  -Number.MIN_VALUE,
];
const NO_BOOLEANS = [null, 0, 1, "true", "", {}, [], 1n, SYMBOL, new Boolean(true)];
const NO_WORDS = [null, 0, 1, "", "READ", "write", "read ", {}, ["read"], true, SYMBOL];

/** Checks the class of what each value makes a call throw, and that no system call was made. */
function assertRefused(
  call: (value: unknown) => unknown,
  values: readonly unknown[],
  type: typeof TypeError | typeof RangeError,
): void {
  for (const value of values) {
    const error = thrownBy(() => call(value)) as Error;
    const about = `${Deno.inspect(value)}: ${error}`;
    assertClass(error, type, about);
    assertEquals(isSystemError(error), false, about);
    assertEquals(/^Cannot [a-z]+ .*[^.]$/s.test(error.message), true, about);
  }
}

for (const [name, call] of Object.entries(MAPS_OBJECTS)) {
  for (const option of ["byteOffset", "byteLength", "flags"]) {
    Deno.test(`MmapRegion.${name}() checks ${option}`, () => {
      assertRefused((value) => call({ [option]: value }), NO_NUMBERS, TypeError);
      assertRefused((value) => call({ [option]: value }), NO_WHOLE_NUMBERS, RangeError);
    });
  }

  Deno.test(`MmapRegion.${name}() refuses byteLength 0`, () => {
    assertRefused((byteLength) => call({ byteLength }), [0, -0], RangeError);
  });

  Deno.test(`MmapRegion.${name}() refuses a region that ends behind 2^53`, () => {
    const byteOffset = Number.MAX_SAFE_INTEGER;
    assertRefused((byteLength) => call({ byteOffset, byteLength }), [1, byteOffset], RangeError);
  });

  Deno.test(`MmapRegion.${name}() checks access`, () => {
    assertRefused((access) => call({ access }), [...NO_WORDS, "constructor"], TypeError);
  });

  Deno.test(`MmapRegion.${name}() checks executable`, () => {
    assertRefused((executable) => call({ executable }), NO_BOOLEANS, TypeError);
  });

  Deno.test(`MmapRegion.${name}() checks address`, () => {
    const noBigInts = [null, 0, 4096, "4096", {}, true, SYMBOL, NaN];
    assertRefused((address) => call({ address }), noBigInts, TypeError);
    assertRefused((address) => call({ address }), [-1n, 2n ** 63n, 2n ** 64n], RangeError);
  });

  Deno.test(`MmapRegion.${name}() refuses flags that other options stand for`, () => {
    const refused = [
      C.MAP_FIXED,
      C.MAP_SHARED,
      C.MAP_PRIVATE,
      C.MAP_SHARED_VALIDATE,
      C.MAP_ANONYMOUS,
      C.MAP_NORESERVE,
      C.MAP_HUGETLB,
      C.MAP_GROWSDOWN,
      (C.MAP_LOCKED ?? 0) | C.MAP_FIXED,
      2 ** 31,
      2 ** 32,
      2 ** 32 + (C.MAP_LOCKED ?? 0),
    ].filter((flags) => flags !== undefined); // macOS has fewer
    assertRefused((flags) => call({ flags }), refused, RangeError);
  });
}

for (const [name, call] of Object.entries(CALLS)) {
  Deno.test(`MmapRegion.${name}() checks that the options are an object`, () => {
    assertRefused(call, [null, 0, "", "read", true, 1n, SYMBOL], TypeError);
  });

  for (const option of ["populate", "lock", "hugePages", "guard"]) {
    Deno.test(`MmapRegion.${name}() checks ${option}`, () => {
      assertRefused((value) => call({ [option]: value }), NO_BOOLEANS, TypeError);
    });
  }

  Deno.test(`MmapRegion.${name}() checks reserve`, () => {
    const others = NO_BOOLEANS.filter((value) => typeof value !== "number");
    assertRefused((reserve) => call({ reserve }), others, TypeError);
    assertRefused((reserve) => call({ reserve }), [0, ...NO_WHOLE_NUMBERS], RangeError);
  });

  Deno.test(`MmapRegion.${name}() reads each option once`, () => {
    const reads: Record<string, number> = {};
    const options = new Proxy({}, {
      get(_, key: string): undefined {
        reads[key] = (reads[key] ?? 0) + 1;
      },
    });
    try {
      call(options).close();
    } catch (error) {
      if (name === "anonymous") throw error; // the others find nothing to map
    }
    assertEquals(Object.entries(reads).filter(([, count]) => count !== 1), []);
    assertEquals(reads["populate"], 1);
  });
}

for (const option of ["create", "createNew", "truncate", "allocate"]) {
  Deno.test(`MmapRegion.open() checks ${option}`, () => {
    assertRefused(
      (value) => open({ access: "read-write", byteLength: 1, [option]: value }),
      NO_BOOLEANS,
      TypeError,
    );
  });
}

Deno.test("MmapRegion.open() checks mode", () => {
  const call = (mode: unknown) => open({ access: "read-write", create: true, byteLength: 1, mode });
  assertRefused(call, NO_NUMBERS, TypeError);
  assertRefused(call, [...NO_WHOLE_NUMBERS, 0o10000, 2 ** 32], RangeError);
});

Deno.test("MmapRegion.fromFd() checks the descriptor", () => {
  const call = (fd: unknown) => MmapRegion.fromFd(fd as number);
  assertRefused(call, [undefined, ...NO_NUMBERS], TypeError);
  assertRefused(call, NO_WHOLE_NUMBERS, RangeError);
});

Deno.test("MmapRegion.fromFd() does not wrap a descriptor into 32 bits", () => {
  const fd = openSync(fromFileUrl(import.meta.url), "r");
  try {
    assertRefused(
      (wrapped) => MmapRegion.fromFd(wrapped as number, { byteLength: 1 }),
      [2 ** 31, fd + 2 ** 31, fd + 2 ** 32, fd + 2 ** 52],
      RangeError,
    );
  } finally {
    closeSync(fd);
  }
});

Deno.test("MmapRegion.anonymous() checks byteLength", () => {
  const call = (byteLength: unknown) => MmapRegion.anonymous(byteLength as number);
  assertRefused(call, [undefined, ...NO_NUMBERS], TypeError);
  assertRefused(call, [0, -0, ...NO_WHOLE_NUMBERS], RangeError);
});

Deno.test("MmapRegion.anonymous() checks sharing, seal, resizable and label", () => {
  assertRefused((sharing) => anonymous({ sharing }), NO_WORDS, TypeError);
  assertRefused((seal) => anonymous({ seal }), ["read", true, null, 1, {}, SYMBOL], TypeError);
  assertRefused((resizable) => anonymous({ resizable }), NO_BOOLEANS, TypeError);
  assertRefused((label) => anonymous({ label }), [null, 0, true, {}, [], SYMBOL], TypeError);
});

Deno.test("MmapRegion.attach() checks its handle before its options", () => {
  const call = (handle: unknown) => MmapRegion.attach(handle as string, { byteOffset: -1 });
  assertRefused(call, [undefined, null, 0, true, {}, [], "", "mmap", "mmap:", SYMBOL], TypeError);
});

Deno.test("MmapRegion cannot be made by new", () => {
  const Region = MmapRegion as unknown as new (core?: unknown) => MmapRegion;
  for (const core of [undefined, null, {}, { facts: {} }]) {
    const error = thrownBy(() => new Region(core)) as Error;
    assertEquals(error.constructor, TypeError);
    assertMatch(error.message, /^Illegal constructor: .+ MmapRegion\.open/);
  }
});
