/** What is easily done wrong is answered with a sentence that says what to do instead. */

import { MmapRegion } from "@mmap/mmap";
import {
  Broadcast,
  Channel,
  Client,
  connect,
  Latest,
  serve,
  Server,
  StructChannel,
} from "@mmap/mmap/channel";
import { AppendLog, SharedArray, SharedMap } from "@mmap/mmap/collections";
import { array, i64, struct, u64 } from "@mmap/mmap/struct";
import { assert, assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { interpreted } from "../../src/struct/interpret.ts";
import type { StructLayout } from "../../src/struct/struct_layout.ts";
import { factOf } from "../../ffi/platform.ts";
import { thrownBy } from "../_errors.ts";
import { withTempDir } from "../_files.ts";

// deno-lint-ignore no-explicit-any -- what the compiler would refuse is what this is about
type Any = any;
// deno-lint-ignore no-explicit-any
type ErrorClass = abstract new (...args: any[]) => Error;

const { NotFound, InvalidData, PermissionDenied } = Deno.errors;
const IS_WINDOWS = Deno.build.os === "windows";
/** Windows says it in the user's language. */
const NO_SUCH_FILE = IS_WINDOWS ? "" : "No such file";
const Wide = struct({ id: u64, list: array(i64, 2) });

/** The mistake, the class of its error, and a part of what that says. */
type Row = readonly [(dir: string) => unknown, ErrorClass, string];

const MISTAKES: Record<string, Row> = {
  "Channel.create()": [() => (Channel as Any).create(), TypeError, "options must be an object"],
  "Broadcast.create()": [() => (Broadcast as Any).create(), TypeError, "options must be an object"],
  "Latest.create()": [() => (Latest as Any).create(), TypeError, "options must be an object"],
  "serve() without options": [
    () => serve(undefined as Any, (request) => request),
    TypeError,
    "options must be an object",
  ],
  "connect()": [() => (connect as Any)(), TypeError, "connect to server"],
  "SharedArray.open() without a type": [
    (dir) => (SharedArray as Any).open(`${dir}/x`, { create: true }),
    TypeError,
    "second argument must be the type",
  ],
  "MmapRegion.open() of a directory": [
    (dir) => MmapRegion.open(dir),
    IS_WINDOWS ? PermissionDenied : factOf<ErrorClass>({ linux: Error, darwin: TypeError }),
    "It is a directory: ",
  ],
  "AppendLog.open() of a directory": [
    (dir) => AppendLog.open(dir),
    IS_WINDOWS ? PermissionDenied : InvalidData,
    "is a directory",
  ],
  "MmapRegion.open() of nothing": [
    (dir) => MmapRegion.open(`${dir}/none`, { access: "read-write" }),
    NotFound,
    `It is missing, and create: true is not given: ${NO_SUCH_FILE}`,
  ],
  "MmapRegion.named() of nothing": [
    () => MmapRegion.named("mmap_test_none"),
    NotFound,
    `It is missing, and create: true is not given: ${NO_SUCH_FILE}`,
  ],
  "SharedMap.open() of nothing": [
    (dir) => SharedMap.open(`${dir}/none`),
    NotFound,
    `It is missing, and create: true is not given: ${NO_SUCH_FILE}`,
  ],
  "MmapRegion.attach() of what came from postMessage(region)": [
    () => {
      using region = MmapRegion.anonymous(4096);
      return MmapRegion.attach(structuredClone(region) as Any);
    },
    TypeError,
    "region.handle()",
  ],
  "MmapRegion.view() at a misaligned place": [
    () => {
      using region = MmapRegion.anonymous(4096);
      return region.view(Float64Array, 4);
    },
    RangeError,
    "dataView()",
  ],
  "MmapRegion.bytes after a transfer": [
    () => {
      using region = MmapRegion.anonymous(4096);
      structuredClone(region.buffer, { transfer: [region.buffer] });
      return region.bytes;
    },
    TypeError,
    "transferred away",
  ],
  "a u64 set to a number": [
    () => (Wide.at(new Uint8Array(24)) as Any).id = 5,
    TypeError,
    "Cannot store id as it must be a bigint",
  ],
  "set() of a u64 to a number": [
    () => Wide.at(new Uint8Array(24)).set({ id: 5 } as Any),
    TypeError,
    "Cannot store id as it must be a bigint",
  ],
  "an element of an array of i64 set to a number": [
    () => (Wide.at(new Uint8Array(24)).list as Any)[1] = 5,
    TypeError,
    "Cannot store i64 as it must be a bigint",
  ],
  "set() of an array of i64 to numbers": [
    () => Wide.at(new Uint8Array(24)).set({ list: [1, 2] } as Any),
    TypeError,
    "Cannot store i64 as it must be a bigint",
  ],
  "a column of u64 set to a number": [
    () => (Wide.array(new Uint8Array(24)).column("id") as Any).set(0, 5),
    TypeError,
    "must be a bigint",
  ],
};

const MADE: Record<string, Any> = {
  AppendLog,
  Broadcast,
  Channel,
  Client,
  Latest,
  MmapRegion,
  Server,
  SharedArray,
  SharedMap,
  StructChannel,
};

for (const [name, type] of Object.entries(MADE)) {
  const sentence = "Illegal constructor: use ";
  for (const [args, values] of Object.entries({ "": [], path: ["x"], object: [{}, {}] })) {
    MISTAKES[`new ${name}(${args})`] = [() => new type(...values), TypeError, sentence];
  }
}

for (const [mistake, [make, type, text]] of Object.entries(MISTAKES)) {
  Deno.test(`${mistake} says what to do`, () =>
    withTempDir((dir) => {
      const error = thrownBy(() => make(dir)) as Error;
      assertInstanceOf(error, type);
      assertStringIncludes(error.message, text);
      assertStringIncludes(error.stack!, text); // which is what Deno prints
      assertEquals([...Deno.readDirSync(dir)], []);
    }));
}

Deno.test("a u64 of a struct that is not compiled, set to a number, tells its name too", () => {
  const { fields } = Wide as unknown as StructLayout;
  const numbers = new Map([["id", fields.get("id")!]]);
  const record = new (interpreted.recordClass(numbers))(new DataView(new ArrayBuffer(8)), 0);
  for (const set of [() => (record as Any).id = 5, () => record.set({ id: 5 })]) {
    const error = thrownBy(set) as Error;
    assert(error instanceof TypeError);
    assertStringIncludes(error.message, "Cannot store id as it must be a bigint");
  }
  (record as Any).id = 5n;
  assertEquals(record.get(), { id: 5n });
});

Deno.test("a missing file that is only to be read is not told how to be made", () =>
  withTempDir((dir) => {
    const error = thrownBy(() => MmapRegion.open(`${dir}/none`)) as Error;
    assert(!error.message.includes("create"), error.message);
  }));
