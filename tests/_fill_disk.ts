/** Small disks without room. */

/** Takes all that is left of a disk, with a file "filler". */
export function fillDisk(dir: string): void {
  using file = Deno.openSync(`${dir}/filler`, { write: true, create: true });
  // What is written is reserved generously at first: again, until syncing sets nothing free. All of
  // the disk is synced, since other files have such reserves too.
  for (let size = -1; size < file.statSync().size;) {
    size = file.statSync().size;
    for (let step = 65536; step >= 512; step /= 2) {
      try {
        while (file.writeSync(new Uint8Array(step).fill(1)) > 0);
      } catch (error) {
        if (!(error as Error).message.includes("os error 28")) throw error;
      }
    }
    new Deno.Command("sync", { args: ["-f", dir] }).outputSync();
  }
}
