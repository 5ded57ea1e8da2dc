/** Workers that end with regions open. */

import { assertEquals } from "@std/assert";
import { ignore } from "../_faults.ts";
import { makeFile, withTempDir } from "../_files.ts";
import { PAGE } from "../_pages.ts";
import { assertRuns } from "../_program.ts";

const PROGRAM = new URL("_worker_ends.ts", import.meta.url);

Deno.test(
  "a Worker that ends or is terminated leaves no mapping, descriptor or slot",
  { ignore },
  () =>
    withTempDir(async (dir) => {
      const path = makeFile(dir, new Uint8Array(PAGE).fill(7));
      assertEquals(await assertRuns(PROGRAM, { args: [path] }), "nothing left\n");
    }),
);
