/** Copies that never fault, with and without a guard, whatever they copy to and from. */

import { livesOnBothFileSystems } from "../_faults.ts";

const PROGRAM = new URL("_try_copy.ts", import.meta.url);

for (const guard of [true, false]) {
  const how = `guard: ${guard}`;

  livesOnBothFileSystems(
    `MmapRegion.tryRead(), tryWrite() and probe() stop at the end of a truncated file, ${how}`,
    PROGRAM,
    ["stopAtTheEnd", guard],
  );

  livesOnBothFileSystems(
    `MmapRegion.tryRead(), tryWrite() and probe() stop at protected pages, ${how}`,
    PROGRAM,
    ["stopAtProtectedPages", guard],
  );
}

livesOnBothFileSystems(
  "MmapRegion.tryRead() and tryWrite() take every kind of Uint8Array, and nothing beyond it",
  PROGRAM,
  ["takeEveryUint8Array"],
);
