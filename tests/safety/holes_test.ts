/** Sparse files of channels and collections: their holes are filled before anything is written. */

import { assertEquals } from "@std/assert";
import { SMALL_DISKS } from "../_mount.ts";
import { assertRuns } from "../_program.ts";

const PROGRAM = new URL("_holes.ts", import.meta.url);

for (const disk of SMALL_DISKS) {
  Deno.test({
    name: "opening a sparse channel or collection to write reserves it, or throws and changes " +
      `nothing (${disk.name}${disk.missing === undefined ? "" : `: ${disk.missing}`})`,
    ignore: disk.missing !== undefined,
    fn: () =>
      disk.with(async (dir) => {
        assertEquals(await assertRuns(PROGRAM, { args: [dir, disk.name] }), "done\n");
      }),
  });
}
