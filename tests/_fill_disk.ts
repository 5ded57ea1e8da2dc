/** Small disks without room. */

import { assert } from "@std/assert";
import { runLinux } from "./_host.ts";

/** What errors of writes say: ENOSPC, ERROR_DISK_FULL. */
export const NO_ROOM = Deno.build.os === "windows" ? "os error 112" : "os error 28";

/** Appends as long as there is room. @returns whether there was any */
function append(path: string): boolean {
  using file = Deno.openSync(path, { append: true, create: true });
  const before = file.statSync().size;
  for (let step = 65536; step >= 512; step /= 2) {
    try {
      while (file.writeSync(new Uint8Array(step).fill(1)) > 0);
    } catch (error) {
      if (!(error as Error).message.includes(NO_ROOM)) throw error;
    }
  }
  return file.statSync().size > before;
}

/**
 * Takes all that is left of a disk, with a file "filler". What is written is reserved generously at
 * first, and set free when it is written back or its file is closed: again, until nothing fits twice in
 * a row. All of the disk is synced, since other files have such reserves too.
 */
export async function fillDisk(dir: string): Promise<void> {
  for (let full = 0; full < 2;) {
    full = append(`${dir}/filler`) ? 0 : full + 1;
    const { success, stderr } = await runLinux("sync", ["-f", dir]);
    assert(success, stderr);
  }
}
