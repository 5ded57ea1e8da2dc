/**
 * Opening and closing for a long time. MMAP_TEST_CYCLES says how often: a million takes some half a
 * minute.
 */

import { assertEquals, assertLess } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { notOnMac, repetitions } from "../_capabilities.ts";
import { withTempDir } from "../_files.ts";
import type { Holdings } from "./_cycles.ts";

const CYCLES = Number(Deno.env.get("MMAP_TEST_CYCLES") ?? repetitions(100_000));

/** For all cycles, in KiB: less than 200 bytes for each of 100,000. */
const RSS_GROWTH = 20_000;
/** A page table is a page; one for each 2 MiB of addresses would be 12,500 for 100,000 cycles. */
const PAGE_TABLE_GROWTH = 2_000;
const HANDLES_GROWTH = 20;
/** The engine has mappings of its own, which come and go. */
const MAPPINGS_GROWTH = 200;

Deno.test({
  name: `MmapRegion leaves nothing behind after ${CYCLES.toLocaleString("en")} opens and closes`,
  ignore: notOnMac.ignore,
  fn: () =>
    withTempDir(async (dir) => {
      const program = fromFileUrl(new URL("./_cycles.ts", import.meta.url));
      const { code, signal, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--v8-flags=--expose-gc", program, `${CYCLES}`, `${dir}/data.bin`],
      }).output();
      const text = new TextDecoder();
      assertEquals({ code, signal }, { code: 0, signal: null }, text.decode(stderr));
      const { before, after }: { before: Holdings; after: Holdings } = JSON.parse(
        text.decode(stdout),
      );
      const told = JSON.stringify({ before, after });
      if (Deno.build.os === "windows") {
        // Handles are of all kinds, and the engine's own come and go.
        assertLess(after.descriptors - before.descriptors, HANDLES_GROWTH, told);
      } else assertEquals(after.descriptors, before.descriptors, told);
      assertEquals(after.held, 0, told);
      assertLess(after.rss - before.rss, RSS_GROWTH, told);
      assertLess(after.pageTables - before.pageTables, PAGE_TABLE_GROWTH, told);
      assertLess(after.mappings - before.mappings, MAPPINGS_GROWTH, told);
    }),
});
