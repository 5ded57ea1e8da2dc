/** A disk without room: an error where blocks are reserved, a fault that is told where they are not. */

import { assertLives } from "../_faults.ts";
import { guard, linux, type Need } from "../_capabilities.ts";
import { SMALL_DISKS } from "../_mount.ts";
import { assertRuns } from "../_program.ts";

const PROGRAM = new URL("_full_disk.ts", import.meta.url);

function onSmallDisks(name: string, action: string, need?: Need): void {
  for (const disk of SMALL_DISKS) {
    Deno.test({
      name: `${name} (${disk.name}${disk.missing === undefined ? "" : `: ${disk.missing}`})`,
      ignore: disk.missing !== undefined || need?.ignore === true,
      fn: () =>
        disk.with(async (dir) => {
          await assertLives(PROGRAM, { args: [action, dir] });
        }),
    });
  }
}

onSmallDisks(
  "MmapRegion.open() on a full disk throws ENOSPC and leaves no new file",
  "openNew",
);

onSmallDisks(
  "MmapRegion.open() on a full disk throws ENOSPC and leaves a file as it was",
  "openOld",
);

onSmallDisks(
  "MmapRegion.resize() on a full disk throws ENOSPC and changes nothing",
  "resize",
);

onSmallDisks(
  "MmapRegion of a file without blocks on a full disk counts the writes that have no place, and tells",
  "writeWithoutBlocks",
  guard,
);

onSmallDisks(
  "MmapRegion on a full disk keeps what the rest of a page holds that cannot be written",
  "keepTheRestOfPages",
  guard,
);

for (const disk of linux.ignore ? [] : SMALL_DISKS) { // which has that call
  Deno.test({
    name: "MmapRegion keeps what pages hold where process_vm_readv is forbidden " +
      `(${disk.name}${disk.missing === undefined ? "" : `: ${disk.missing}`})`,
    ignore: disk.missing !== undefined,
    fn: () =>
      disk.with(async (dir) => {
        await assertRuns(new URL("_without_copies.ts", import.meta.url), { args: [dir] });
      }),
  });
}
