/** Files that would exceed RLIMIT_FSIZE: an error, and never the signal that ends the process. */

import { assertEquals } from "@std/assert";
import { MmapRegion } from "@mmap/mmap";
import { resultOf } from "../_child.ts";
import { ignore } from "../_faults.ts";
import { FILE_SYSTEMS, withTempDir } from "../_files.ts";

const PROGRAM = new URL("_size_limit_main.ts", import.meta.url);

for (const where of ["here", "in a Worker"]) {
  for (const [handling, ulimit] of [["by default", "true"], ["ignored", `trap "" XFSZ`]]) {
    for (const [disk, parent] of Object.entries(FILE_SYSTEMS)) {
      Deno.test({
        name:
          `everything ${where} that makes files longer throws EFBIG, SIGXFSZ ${handling} (${disk})`,
        ignore,
        fn: () =>
          withTempDir(async (dir) => {
            const name = `mmap_test_${crypto.randomUUID()}`;
            const { told, left, changed } = await resultOf(PROGRAM, {
              args: [dir, name, where],
              ulimit: ulimit!,
            });
            const other = told.filter((line: string) => !line.endsWith(": EFBIG"));
            assertEquals([other, told.length], [[], 12]);
            assertEquals([left, Deno.statSync(`${dir}/old`).size], [["old"], 5000]);
            assertEquals(changed, []); // what the process does with its signals
            assertEquals(MmapRegion.list().filter((info) => info.name === name), []);
          }, parent),
      });
    }
  }
}
