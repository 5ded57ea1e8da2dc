/** Regions that nobody closes: in children, which can ask for garbage collection. */

import { assertEquals } from "@std/assert";
import { holdings, linux, repetitions } from "../_capabilities.ts";
import { factOf } from "../../ffi/platform.ts";
import { resultOf } from "../_child.ts";
import { makeFile, withTempDir } from "../_files.ts";
import { PAGE } from "../_pages.ts";
import { MEMORY_NAME } from "../_process.ts";

const PROGRAM = new URL("_forgotten.ts", import.meta.url);

/** Runs an action in a child. The marker is in the name of each mapping and descriptor of its region. */
function withGarbage(action: string, marker: string, ...args: unknown[]): Promise<unknown> {
  return resultOf(PROGRAM, { args: [action, marker, ...args], v8Flags: "--expose-gc" });
}

/** macOS keeps no labels, but its names of memory are in /proc where its calls are carried out. */
const labelled = (label: string): string => factOf({ linux: label, darwin: MEMORY_NAME });

const SOURCES: Record<string, string | undefined> = {
  "a file": undefined,
  "anonymous shared memory": labelled("forgotten_shared"),
};

for (const [name, marker] of Object.entries(SOURCES)) {
  Deno.test({
    name: `a forgotten region of ${name} gives its memory and its descriptor back`,
    ignore: holdings.ignore,
    fn: () =>
      withTempDir(async (dir) => {
        const result = await withGarbage("forget", marker ?? makeFile(dir, PAGE), name);
        assertEquals(result, [[1, 1], [0, 0]]);
      }),
  });
}

Deno.test({
  name: "a forgotten region of private memory gives its memory back",
  ignore: holdings.ignore,
  async fn(): Promise<void> {
    const result = await withGarbage("forgetPrivate", "no marker");
    assertEquals(result, true);
  },
});

/** What alone can keep a mapping alive. */
const HOLDERS = ["the region", "its bytes", "a view", "a DataView", "its buffer", "a subarray"];

for (const name of HOLDERS) {
  Deno.test({
    name: `a mapping lives as long as ${name} does, and no longer`,
    ignore: holdings.ignore,
    fn: () =>
      withTempDir(async (dir) => {
        const result = await withGarbage("hold", makeFile(dir, Uint8Array.of(42, 0, 0, 0)), name);
        assertEquals(result, [[[1, 1], 42], [0, 0]]);
      }),
  });
}

Deno.test({
  name: "a forgotten region whose buffer was transferred lives as long as the thief has its memory",
  ignore: holdings.ignore,
  fn: () =>
    withTempDir(async (dir) => {
      const path = makeFile(dir, new Uint8Array(PAGE).fill(42));
      const [lending, ...result] = await withGarbage("steal", path) as unknown[];
      if (linux.ignore && lending !== "on") {
        // Where buffers do not tell when they are used no more, the thief is left with zeros.
        assertEquals(result, [[0, 0], [PAGE, 0], [0, 0]]);
        assertEquals(Deno.readFileSync(path), new Uint8Array(PAGE).fill(42));
      } else {
        assertEquals([lending, ...result], ["on", [1, 1], [PAGE, 42], [0, 0]]);
        assertEquals(Deno.readFileSync(path), new Uint8Array(PAGE).fill(99));
      }
    }),
});

Deno.test({
  name: "a forgotten region that was resized gives its last mapping back",
  ignore: holdings.ignore,
  fn: () =>
    withTempDir(async (dir) => {
      const result = await withGarbage("resize", makeFile(dir, PAGE));
      assertEquals(result, [[1, 1], [0, 0]]);
    }),
});

Deno.test({
  name: "a closed region is not given back a second time when it is collected",
  ignore: holdings.ignore,
  fn: () =>
    withTempDir(async (dir) => {
      const result = await withGarbage("closeAndOpen", makeFile(dir, Uint8Array.of(42)));
      assertEquals(result, [[1, 1], 42]);
    }),
});

const MANY = repetitions(10_000);

Deno.test({
  name: `${
    MANY.toLocaleString("en")
  } forgotten regions give all their descriptors and mappings back`,
  ignore: holdings.ignore,
  async fn(): Promise<void> {
    const result = await withGarbage("forgetMany", labelled("forgotten_many"), MANY);
    assertEquals(result, [0, 0]);
  },
});
