/** More faults than the system allows mappings: each absorbed page is a mapping of its own at first. */

import { livesOnBothFileSystems } from "../_faults.ts";

const PROGRAM = new URL("_many_faults.ts", import.meta.url);

const options = { timeoutMs: 120_000 };

livesOnBothFileSystems(
  "MmapRegion survives faults on every second page of 600 MiB that were cut off",
  PROGRAM,
  ["readCutOff"],
  options,
);

livesOnBothFileSystems(
  "MmapRegion survives writes to every second page of 600 MiB that were cut off and read",
  PROGRAM,
  ["writeCutOff"],
  options,
);

livesOnBothFileSystems(
  "MmapRegion keeps what was written to cut off pages, however many follow",
  PROGRAM,
  ["keepWritten"],
  options,
);

livesOnBothFileSystems(
  "MmapRegion survives stray writes to every second page of 600 MiB",
  PROGRAM,
  ["writeStray"],
  options,
);
