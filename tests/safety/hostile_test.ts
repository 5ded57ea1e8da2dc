/** Callers that do everything to be given memory that is not theirs, or is there no more. */

import { assertLives, ignore, livesOnBothFileSystems } from "../_faults.ts";

const PROGRAM = new URL("_hostile.ts", import.meta.url);

for (const [name, way] of [["closes", "close"], ["shrinks", "shrink"]]) {
  livesOnBothFileSystems(
    `MmapRegion survives arguments whose reading ${name} the region`,
    PROGRAM,
    ["surviveSpringing", way],
  );
}

livesOnBothFileSystems(
  "MmapRegion.lines() ends if the region gets shorter or is closed meanwhile",
  PROGRAM,
  ["endLines"],
);

Deno.test("MmapRegion's members do nothing on other receivers", { ignore }, async () => {
  await assertLives(PROGRAM, { args: ["refuseReceivers"] });
});

livesOnBothFileSystems(
  "MmapRegion survives buffers that were transferred, posted and kept, in any order",
  PROGRAM,
  ["surviveStolenBuffers"],
);
