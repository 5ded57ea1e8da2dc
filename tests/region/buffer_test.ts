/** What becomes of a region whose buffer was taken away: in children, since the fear is a crash. */

import { assertEquals, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { factOf } from "../../ffi/platform.ts";
import { resultOf } from "../_child.ts";
import { makeFile, onBothFileSystems, pattern } from "../_files.ts";
import { PAGE } from "../_pages.ts";

const PROGRAM = new URL("_buffer.ts", import.meta.url);

/** Ways to take a buffer from its region. */
const THEFTS = [
  "transfer()",
  "transferToFixedLength()",
  "structuredClone()",
  "a MessageChannel",
  "markAsUntransferable()",
];

for (const theft of THEFTS) {
  onBothFileSystems(
    `MmapRegion.close() turns memory stolen by ${theft} into zeros`,
    async (dir) => {
      const path = makeFile(dir, PAGE + 10);
      const content = pattern(PAGE + 10);
      assertEquals(await resultOf(PROGRAM, { args: ["stealAndClose", path, theft] }), {
        before: [PAGE + 10, content[0]],
        after: [PAGE + 10, 0],
        last: 99,
        closed: true,
      });
      content[1] = 200;
      assertEquals(Deno.readFileSync(path), content);
    },
  );
}

onBothFileSystems("MmapRegion.close() turns memory posted to a Worker into zeros", async (dir) => {
  const path = makeFile(dir, PAGE);
  const result = await resultOf(PROGRAM, { args: ["postAndClose", path] });
  assertEquals(result, [[PAGE, pattern(1)[0]], [PAGE, 201], [PAGE, 0], [PAGE, 99]]);
  assertEquals(Deno.readFileSync(path), new Uint8Array(PAGE).fill(201));
});

onBothFileSystems("MmapRegion goes on without a buffer that was transferred away", async (dir) => {
  const path = makeFile(dir, 4 * PAGE);
  const result = await resultOf(PROGRAM, { args: ["useWithoutBuffer", path] });
  const errors = ["view", "view", "view", "resize", "resize"].map((verb) =>
    `TypeError: Cannot ${verb} region as its buffer was transferred away`
  );
  // Windows tells of the pages that this process has touched.
  const residentPages = Deno.build.os === "windows" ? 1 : 4;
  assertEquals(result, [...errors, [7, 0, 8], residentPages, 4 * PAGE, 4 * PAGE]);
});

Deno.test("MmapRegion.close() is not led astray by replaced prototypes", async () => {
  const result = await resultOf(PROGRAM, { args: ["closeWithReplacedPrototypes"] });
  assertEquals(result, [0, true]);
});

Deno.test("MmapRegion.bytes is one object until the region is resized", () => {
  // Shared memory of macOS cannot move.
  using region = MmapRegion.anonymous(PAGE, factOf({ linux: {}, darwin: { sharing: "private" } }));
  const { bytes, buffer } = region;
  assertStrictEquals(region.bytes, bytes);
  assertStrictEquals(region.buffer, buffer);
  assertStrictEquals(bytes.buffer, buffer);
  assertStrictEquals(region.view(Float64Array).buffer, buffer);
  assertStrictEquals(region.dataView().buffer, buffer);
  region.resize(2 * PAGE);
  assertNotStrictEquals(region.bytes, bytes);
  assertStrictEquals(region.bytes, region.bytes);
});

Deno.test("MmapRegion.buffer is copied by structuredClone() without a transfer", () => {
  using region = MmapRegion.anonymous(PAGE);
  region.bytes.fill(7);
  const copy = new Uint8Array(structuredClone(region.buffer));
  region.bytes.fill(8);
  assertEquals([copy.length, copy[0], region.bytes[0]], [PAGE, 7, 8]);
});
