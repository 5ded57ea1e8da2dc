/** A resize that the system refuses leaves the region and its file as they were. */

import { assertEquals, assertThrows } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { resultOf } from "../_child.ts";
import { holdings } from "../_capabilities.ts";
import { NO_ADDRESSES, TOO_LONG } from "../_errors.ts";
import { makeFile, pattern, withTempDir } from "../_files.ts";
import { PAGE } from "../_pages.ts";

const PROGRAM = new URL("_children.ts", import.meta.url);

/** What is left of a region in a child whose `resize` fails under a limit. */
function failUnderLimit(
  dir: string,
  source: object,
  limit: object,
  length: number,
): Promise<unknown> {
  const args = ["resize", makeFile(dir, 2 * PAGE), source, limit, length];
  return resultOf(PROGRAM, { args });
}

const ADDRESS_SPACE = { spaceLeft: 2 ** 26 };
const SOURCES = {
  "a file": { allocate: false },
  "anonymous shared memory": { resizable: true },
  "shared memory that is sealed against shrinking": {},
  "anonymous private memory": { sharing: "private" },
};

/** Nothing is mapped where memory cannot grow. */
const BEYOND_RESERVE: readonly unknown[] = Deno.build.os === "linux"
  ? NO_ADDRESSES
  : ["NotSupported", null, null, null];

for (const [name, source] of Object.entries(SOURCES)) {
  Deno.test({
    name: `MmapRegion.resize() of ${name} without address space fails and changes nothing`,
    ignore: holdings.ignore,
    fn: () =>
      withTempDir(async (dir) => {
        const before = pattern(2 * PAGE);
        const isFile = name.startsWith("a file");
        const isMemory = name.includes("shared memory");
        assertEquals(await failUnderLimit(dir, source, ADDRESS_SPACE, 2 ** 33), {
          error: isMemory ? BEYOND_RESERVE : NO_ADDRESSES,
          byteLength: 2 * PAGE,
          content: isFile ? [200, 201, before[2], before[3], before.at(-1)] : [200, 201, 0, 0, 0],
          size: 2 * PAGE,
        });
      }),
  });
}

Deno.test({
  name: "MmapRegion.resize() throws EFBIG beyond the limit of file sizes and changes nothing",
  fn: () =>
    withTempDir(async (dir) => {
      const before = pattern(2 * PAGE);
      for (const allocate of [true, false]) {
        const result = await failUnderLimit(
          dir,
          { allocate },
          { fileSize: 3 * PAGE },
          5 * PAGE,
        );
        assertEquals(result, {
          error: TOO_LONG,
          byteLength: 2 * PAGE,
          content: [200, 201, before[2], before[3], before.at(-1)],
          size: 2 * PAGE,
        });
      }
    }),
});

for (
  const [verb, length] of [["grow", 3 * PAGE], ["shrink", PAGE], ["keep its length", 2 * PAGE]]
) {
  Deno.test(`MmapRegion.resize() throws TypeError if the buffer was transferred away: it cannot ${verb}`, () =>
    withTempDir((dir) => {
      const path = makeFile(dir, 2 * PAGE);
      using region = MmapRegion.open(path, { access: "read-write" });
      const stolen = new Uint8Array(region.buffer.transfer());
      assertThrows(
        () => region.resize(length as number),
        TypeError,
        "Cannot resize region as its buffer was transferred away",
      );
      assertEquals(region.byteLength, 2 * PAGE);
      assertEquals(Deno.readFileSync(path), pattern(2 * PAGE));
      assertEquals(stolen, pattern(2 * PAGE));
      stolen[0] = 99;
      region.flushSync();
      assertEquals(Deno.readFileSync(path)[0], 99);
    }));
}
