/** The guard's table and other threads: real Workers, and what they leave to the main thread. */

import { assertLives, ignore } from "../_faults.ts";
import { withTempDir } from "../_files.ts";

const PROGRAM = new URL("_table_threads.ts", import.meta.url);

Deno.test("GuardTable.take() gives no slot to two isolates", { ignore }, async () => {
  await assertLives(PROGRAM, { args: ["takeTogether"] });
});

Deno.test("GuardSlot.end() waits for handlers at work", { ignore }, async () => {
  await assertLives(PROGRAM, { args: ["waitForHandlers"] });
});

Deno.test("MmapRegion throws if every slot is taken, and maps with guard: false", {
  ignore,
}, () =>
  withTempDir(async (dir) => {
    await assertLives(
      PROGRAM,
      { args: ["takeAll", dir] },
    );
  }));
