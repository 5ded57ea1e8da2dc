/** `mmap residency` */

import { assertEquals, assertMatch } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { makeFile, makeSparseFile, withTempDir } from "../_files.ts";
import { PAGE } from "../_pages.ts";
import { mmapJson, mmapPrints } from "./_cli.ts";
import { uniqueName } from "./_objects.ts";

/** Memory of ten pages, of which the fourth and fifth were touched. */
function tenPages(): { region: MmapRegion; target: string } {
  const name = uniqueName();
  const region = MmapRegion.named(name, { createNew: true, byteLength: 10 * PAGE });
  region.bytes[3 * PAGE] = 1;
  region.bytes[4 * PAGE] = 1;
  return { region, target: `shm:${name}` };
}

/** Widths, and what is drawn in them. */
const DRAWINGS: Record<string, string> = {
  "64": "░░░██░░░░░",
  "10": "░░░██░░░░░",
  "5": "░▓▓░░",
  "3": "░▓░",
  "2": "▒░",
  "1": "▒",
};

for (const [width, drawing] of Object.entries(DRAWINGS)) {
  Deno.test({
    name: `mmap residency --width ${width} draws as much as fits`,
    ignore: Deno.build.os === "darwin",
    fn: async () => {
      const { region, target } = tenPages();
      using _ = region;
      const [line, counts] = (await mmapPrints(["residency", target, "--width", width])).split(
        "\n",
      );
      assertEquals(line, drawing);
      assertMatch(counts!, /^2 of 10 pages in memory \(20 %, .* KiB of .* KiB\)$/);
    },
  });
}

Deno.test({
  name: "mmap residency --json lists the pages in memory as runs",
  ignore: Deno.build.os === "darwin",
  fn: async () => {
    const { region, target } = tenPages();
    using _ = region;
    region.bytes[9 * PAGE] = 1;
    assertEquals(await mmapJson(["residency", target]), {
      target,
      pageSize: PAGE,
      pages: 10,
      residentPages: 3,
      resident: [{ page: 3, pages: 2 }, { page: 9, pages: 1 }],
    });
  },
});

Deno.test("mmap residency is 64 columns wide by default", () =>
  withTempDir(async (dir) => {
    const text = await mmapPrints(["residency", makeSparseFile(dir, 1000 * PAGE)]);
    assertEquals(text.split("\n")[0], "░".repeat(64));
    assertMatch(text, /\n0 of 1000 pages in memory \(0 %, 0 B of /);
  }));

Deno.test("mmap residency tells of an empty file that it has no pages", () =>
  withTempDir(async (dir) => {
    const path = makeFile(dir, 0);
    assertEquals(await mmapPrints(["residency", path]), "no pages\n");
    assertEquals(await mmapJson(["residency", path]), {
      target: path,
      pages: 0,
      residentPages: 0,
      resident: [],
    });
  }));
