/** Memory that is sealed against further writable mappings: healing needs a mapping all the same. */

import { assertLives, ignore } from "../_faults.ts";

const PROGRAM = new URL("_sealed.ts", import.meta.url);

/** Registers a child with four pages of the pattern. */
function livesSealed(name: string, ...action: unknown[]): void {
  Deno.test({
    name,
    ignore,
    fn: async () => {
      await assertLives(PROGRAM, { args: action });
    },
  });
}

for (const protection of ["none", "read"]) {
  livesSealed(
    `MmapRegion.repair() of write-sealed memory gives its creator the data back after protect("${protection}")`,
    "healProtected",
    protection,
  );
}

livesSealed(
  "MmapRegion.repair() of write-sealed memory heals a page in the middle",
  "healTheMiddle",
);

livesSealed(
  "MmapRegion.resize() of write-sealed memory that was cut off keeps its data",
  "resizeCutOff",
);

livesSealed(
  "MmapRegion.repair() of write-sealed memory heals what was touched behind its end",
  "healBehindTheEnd",
);

livesSealed(
  "MmapRegion.repair() of write-sealed memory heals it after somebody else has cut it",
  "healWhatOthersCut",
);

livesSealed(
  "MmapRegion.resize() of write-sealed memory throws TypeError if its buffer was transferred",
  "resizeStolen",
  { seal: "write", resizable: true },
  false,
);

livesSealed(
  "MmapRegion.resize() of memory that others have sealed throws TypeError if its buffer was transferred",
  "resizeStolen",
  { resizable: true },
  true,
);

livesSealed(
  "MmapRegion.repair() and resize() of memory that others have sealed leave what stands there",
  "leaveWhatOthersSealed",
);

Deno.test(
  "MmapRegion.anonymous() with seal write leaves no mapping behind",
  { ignore },
  async () => {
    await assertLives(
      PROGRAM,
      { args: ["leaveNoMapping"], v8Flags: "--expose-gc" },
    );
  },
);
