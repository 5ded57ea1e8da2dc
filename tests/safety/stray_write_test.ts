/** Writes that are forbidden, and reads of what is protected: absorbed, counted, reported, undone. */

import { ignore, livesOnBothFileSystems } from "../_faults.ts";
import { withTempDir } from "../_files.ts";
import { assertRuns } from "../_program.ts";

const PROGRAM = new URL("_stray_write.ts", import.meta.url);

const SHARED = [
  "a file",
  "a file from an odd byte on",
  "anonymous shared memory",
  "named memory",
];

const PROTECTIONS = ["none", "read"] as const;

for (const kind of SHARED) {
  for (const protection of PROTECTIONS) {
    livesOnBothFileSystems(
      `MmapRegion of ${kind} absorbs stray writes under protect("${protection}")`,
      PROGRAM,
      ["absorbWrites", kind, protection],
    );
  }
}

livesOnBothFileSystems(
  "MmapRegion with access read absorbs stray writes",
  PROGRAM,
  ["absorbWritesToReadOnly"],
);

livesOnBothFileSystems(
  "MmapRegion attached for reading absorbs stray writes, its peer sees none of them",
  PROGRAM,
  ["absorbWritesOfReaders", false],
);

livesOnBothFileSystems(
  "MmapRegion attached to sealed memory absorbs stray writes, its peer sees none of them",
  PROGRAM,
  ["absorbWritesOfReaders", true],
);

for (const kind of ["anonymous private memory", "copy-on-write memory"]) {
  for (const protection of PROTECTIONS) {
    livesOnBothFileSystems(
      `MmapRegion of ${kind} absorbs stray writes under protect("${protection}")`,
      PROGRAM,
      ["absorbWritesToPrivate", kind, protection],
    );
  }
}

livesOnBothFileSystems(
  'MmapRegion absorbs reads of what is protected by protect("none")',
  PROGRAM,
  ["absorbReads"],
);

Deno.test(
  "MmapRegion keeps a page's stray write when others before it are absorbed",
  { ignore },
  () =>
    withTempDir(async (dir) => {
      await assertRuns(new URL("_stray_writes.ts", import.meta.url), { args: [dir] });
    }),
);
