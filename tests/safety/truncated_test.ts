/** A file that another process truncates under its map: what is read, written, counted and told. */

import { assertEquals } from "@std/assert";
import { assertDiesBy, ignore, livesOnBothFileSystems } from "../_faults.ts";
import { FILE_SYSTEMS, withTempDir } from "../_files.ts";

const PROGRAM = new URL("_truncated.ts", import.meta.url);

livesOnBothFileSystems(
  "MmapRegion of a truncated file reads zeros, keeps writes to itself, counts and tells",
  PROGRAM,
  ["tell"],
);

livesOnBothFileSystems(
  "MmapRegion of a truncated file keeps sharing the bytes below its new end",
  PROGRAM,
  ["keepSharing"],
);

for (const way of ["repair()", "resize()", "resize() to more", "reopening"]) {
  livesOnBothFileSystems(
    `MmapRegion gives the true file again after ${way}`,
    PROGRAM,
    ["heal", way],
  );
}

livesOnBothFileSystems(
  "MmapRegion.repair() of a file that is still too short leaves the missing pages to the guard",
  PROGRAM,
  ["repairWhatIsStillShort"],
);

livesOnBothFileSystems(
  "MmapRegion.repair() of copy-on-write memory keeps the other private changes",
  PROGRAM,
  ["repairCopyOnWrite"],
);

livesOnBothFileSystems(
  "MmapRegion from an odd byte on counts the faults' place from its beginning",
  PROGRAM,
  ["countFromAnOddByte"],
);

livesOnBothFileSystems(
  "MmapRegion lives where Python's mmap dies of the same truncation",
  PROGRAM,
  ["outlivePython"],
);

for (const [where, parent] of Object.entries(FILE_SYSTEMS)) {
  Deno.test({
    name: `MmapRegion with guard: false dies of truncation (${where})`,
    ignore,
    fn: () =>
      withTempDir(async (dir) => {
        await assertDiesBy("SIGBUS", PROGRAM, { args: ["dieUnguarded", dir] });
        assertEquals([...Deno.readDirSync(dir)].length, 1);
      }, parent),
  });
}

livesOnBothFileSystems(
  "MmapRegion.repair() heals a region that was made with MAP_FIXED_NOREPLACE",
  PROGRAM,
  ["repairAtItsAddress"],
);

livesOnBothFileSystems(
  "MmapRegion.check() still throws if a page was cut off while repair() was at work",
  PROGRAM,
  ["repairWhileItIsCut"],
);

livesOnBothFileSystems(
  "MmapRegion absorbs a write to missing pages of a read-only region's sharedBuffer()",
  PROGRAM,
  ["writeToReadOnly"],
);
