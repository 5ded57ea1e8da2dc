/** What an awaited call tells of a region that was closed meanwhile. */

import { ignore } from "../_faults.ts";
import { withTempDir } from "../_files.ts";
import { assertRuns } from "../_program.ts";

Deno.test(
  "MmapRegion.flush() rejects for lost pages if the region is closed meanwhile",
  { ignore },
  () =>
    withTempDir(async (dir) => {
      await assertRuns(new URL("_flush_closed.ts", import.meta.url), { args: [dir] });
    }),
);
