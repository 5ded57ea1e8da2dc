/** `mmap residency` */

import { assertEquals, assertMatch } from "@std/assert";
import { FILE_SYSTEMS, makeFile, makeSparseFile, withTempDir } from "../_files.ts";
import { PAGE } from "../_pages.ts";
import { mmapJson, mmapPrints } from "./_cli.ts";

/**
 * Runs `body` with a file of ten pages in memory, of which the fourth and fifth were touched, and more
 * if asked. Nobody maps it, so that `mmap ls` and `mmap top` of other tests do not touch the rest.
 */
function withTenPages(
  body: (target: string) => Promise<void>,
  more: readonly number[] = [],
): Promise<void> {
  return withTempDir((dir) => {
    const path = makeSparseFile(dir, 10 * PAGE);
    using file = Deno.openSync(path, { write: true });
    for (const page of [3, 4, ...more]) {
      file.seekSync(page * PAGE, Deno.SeekMode.Start);
      file.writeSync(new Uint8Array([1]));
    }
    return body(path);
  }, FILE_SYSTEMS.tmpfs);
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
    fn: () =>
      withTenPages(async (target) => {
        const text = await mmapPrints(["residency", target, "--width", width]);
        const [line, counts] = text.split("\n");
        assertEquals(line, drawing);
        assertMatch(counts!, /^2 of 10 pages in memory \(20 %, .* KiB of .* KiB\)$/);
      }),
  });
}

Deno.test({
  name: "mmap residency --json lists the pages in memory as runs",
  ignore: Deno.build.os === "darwin",
  fn: () =>
    withTenPages(async (target) => {
      assertEquals(await mmapJson(["residency", target]), {
        target,
        pageSize: PAGE,
        pages: 10,
        residentPages: 3,
        resident: [{ page: 3, pages: 2 }, { page: 9, pages: 1 }],
      });
    }, [9]),
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
