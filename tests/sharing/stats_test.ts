/** What the kernel says of a region's memory, and the label that it shows. */

import { assertEquals, assertThrows } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { linux, usage } from "../_capabilities.ts";
import { Child } from "../_child.ts";
import { makeFile, withTempDir } from "../_files.ts";
import { PAGE } from "../_pages.ts";
import { mapsOf } from "../_process.ts";

/** Writes to the first `count` pages. */
function touch(region: MmapRegion, count: number): void {
  for (let i = 0; i < count; i++) region.bytes[i * PAGE] = 1;
}

Deno.test("MmapRegion.stats() counts the pages that were touched", usage, () => {
  for (const sharing of ["shared", "private"] as const) {
    using region = MmapRegion.anonymous(16 * PAGE, { sharing });
    if (!linux.ignore) region.advise("no-huge-page"); // one touch, one page
    const none = {
      resident: 0,
      proportional: 0,
      shared: 0,
      private: 0,
      dirty: 0,
      swap: 0,
      locked: 0,
    };
    assertEquals(region.stats(), none);
    touch(region, 5);
    const five = { resident: 5 * PAGE, proportional: 5 * PAGE, private: 5 * PAGE, dirty: 5 * PAGE };
    assertEquals(region.stats(), { ...none, ...five }, sharing);
    region.discard();
    assertEquals(region.stats(), none);
  }
});

Deno.test("MmapRegion.stats() counts what is locked", usage, () => {
  using region = MmapRegion.anonymous(16 * PAGE, { sharing: "private" });
  region.lock({ byteOffset: PAGE, byteLength: 3 * PAGE });
  assertEquals([region.stats().locked, region.stats().resident], [3 * PAGE, 3 * PAGE]);
  region.unlock();
  assertEquals([region.stats().locked, region.stats().resident], [0, 3 * PAGE]);
});

Deno.test("MmapRegion.stats() tells what other processes map too", usage, async () => {
  using region = MmapRegion.anonymous(8 * PAGE);
  touch(region, 8);
  await using child = new Child(new URL("_children.ts", import.meta.url), {
    args: ["touchTwo"],
    env: region.env(),
  });
  const theirs = JSON.parse(await child.readLine());
  const ours = region.stats();
  assertEquals([ours.resident, ours.shared, ours.private], [8 * PAGE, 2 * PAGE, 6 * PAGE]);
  // Half of what two processes map. macOS does not tell how many there are.
  assertEquals(ours.proportional, (linux.ignore ? 8 : 7) * PAGE);
  assertEquals([theirs.shared, theirs.private], [2 * PAGE, 0]);
});

Deno.test("MmapRegion.stats() counts all parts of a mapping that is cut up", usage, () => {
  using region = MmapRegion.anonymous(9 * PAGE, { sharing: "private" });
  touch(region, 9);
  region.protect("read", { byteOffset: 3 * PAGE, byteLength: 3 * PAGE });
  assertEquals(region.stats().resident, 9 * PAGE);
});

Deno.test("MmapRegion.stats() counts no neighbour", usage, () =>
  withTempDir((dir) => {
    const path = makeFile(dir, 4 * PAGE);
    using first = MmapRegion.open(path, { byteLength: PAGE, populate: true });
    using second = MmapRegion.open(path, { byteOffset: PAGE, populate: true });
    assertEquals([first.stats().resident, second.stats().resident], [PAGE, 3 * PAGE]);
  }));

Deno.test("MmapRegion.stats() throws BadResource after close", () => {
  const region = MmapRegion.anonymous(PAGE);
  region.close();
  assertThrows(() => region.stats(), Deno.errors.BadResource);
});

Deno.test("the label of anonymous memory is seen in /proc/self/maps", linux, () => {
  const label = crypto.randomUUID();
  {
    using shared = MmapRegion.anonymous(PAGE, { label: `ü ${label}` });
    const [line, ...others] = mapsOf(label);
    assertEquals([line!.endsWith(`/memfd:ü ${label} (deleted)`), others], [true, []]);
    shared.resize(4 * PAGE);
    assertEquals(mapsOf(label).length, 1);
  }
  assertEquals(mapsOf(label), []);
});

Deno.test(
  "the label of private memory is seen in /proc/self/maps where the kernel can",
  usage,
  () => {
    const label = crypto.randomUUID();
    using region = MmapRegion.anonymous(PAGE, { sharing: "private", label });
    const before = mapsOf(label);
    if (before.length > 0) assertEquals(before[0]!.endsWith(`[anon:${label}]`), true);
    region.resize(4 * PAGE);
    assertEquals(mapsOf(label).length, before.length);
  },
);
