/** A resize that the system refuses leaves the region and its file as they were. */

import { assertEquals, assertThrows } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { resultOf } from "../_child.ts";
import { makeFile, pattern, withTempDir } from "../_files.ts";
import { PAGE } from "../_pages.ts";

const onLinux = Deno.build.os === "linux";

/** What is left of a region in a child whose `resize` fails under a limit. */
function failUnderLimit(
  dir: string,
  make: string,
  limit: string,
  length: number,
): Promise<unknown> {
  return resultOf(
    `
    import { MmapRegion } from "@mmap/mmap";
    import * as limits from "./tests/_process.ts";
    const path = Deno.args[0];
    using region = ${make};
    region.bytes[0] = 200;
    const error = (() => {
      ${limit};
      try {
        region.resize(${length});
      } catch (error) {
        return [error.code, error.syscall];
      }
    })();
    region.bytes[1] = 201;
    const { byteLength, bytes } = region;
    const content = [...bytes.subarray(0, 4), bytes.at(-1)];
    console.log(JSON.stringify({ error, byteLength, content, size: Deno.statSync(path).size }));
  `,
    { args: [makeFile(dir, 2 * PAGE)] },
  );
}

const ADDRESS_SPACE = `limits.setLimit("AS", limits.addressSpace() + 2 ** 26)`;
const SOURCES: Record<string, string> = {
  "a file": `MmapRegion.open(path, { access: "read-write", allocate: false })`,
  "anonymous shared memory": `MmapRegion.anonymous(${2 * PAGE}, { resizable: true })`,
  "shared memory that is sealed against shrinking": `MmapRegion.anonymous(${2 * PAGE})`,
  "anonymous private memory": `MmapRegion.anonymous(${2 * PAGE}, { sharing: "private" })`,
};

for (const [name, make] of Object.entries(SOURCES)) {
  Deno.test({
    name: `MmapRegion.resize() of ${name} throws ENOMEM without address space and changes nothing`,
    ignore: !onLinux,
    fn: () =>
      withTempDir(async (dir) => {
        const before = pattern(2 * PAGE);
        const isFile = name.startsWith("a file");
        assertEquals(await failUnderLimit(dir, make, ADDRESS_SPACE, 2 ** 33), {
          error: ["ENOMEM", "mmap"],
          byteLength: 2 * PAGE,
          content: isFile ? [200, 201, before[2], before[3], before.at(-1)] : [200, 201, 0, 0, 0],
          size: 2 * PAGE,
        });
      }),
  });
}

Deno.test({
  name: "MmapRegion.resize() throws EFBIG beyond the limit of file sizes and changes nothing",
  ignore: !onLinux,
  fn: () =>
    withTempDir(async (dir) => {
      const before = pattern(2 * PAGE);
      for (const allocate of [true, false]) {
        const result = await failUnderLimit(
          dir,
          `MmapRegion.open(path, { access: "read-write", allocate: ${allocate} })`,
          `limits.setLimit("FSIZE", ${3 * PAGE})`,
          5 * PAGE,
        );
        assertEquals(result, {
          error: ["EFBIG", "fallocate"],
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
