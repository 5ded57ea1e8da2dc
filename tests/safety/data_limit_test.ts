/**
 * Faults where RLIMIT_DATA (`ulimit -d`) forbids private memory that can be written to. On macOS it limits
 * all of a process's addresses, and no other kind of memory is left.
 */

import { guard, linux } from "../_capabilities.ts";
import { ignore } from "../_faults.ts";
import { withTempDir } from "../_files.ts";
import { assertRuns } from "../_program.ts";

const PROGRAM = new URL("_data_limit.ts", import.meta.url);

function test(name: string, which: string, need = linux): void {
  Deno.test(name, { ignore: ignore || need.ignore }, () =>
    withTempDir(async (dir) => {
      await assertRuns(PROGRAM, { args: [which, dir], flags: ["--v8-flags=--expose-gc"] });
    }));
}

test("MmapRegion absorbs a missing page without RLIMIT_DATA, and repair() heals it", "missing");
test(
  "sharedBuffer() absorbs a missing page without RLIMIT_DATA, and repair() heals it",
  "missing with a shared buffer",
);
test("MmapRegion absorbs a stray write without RLIMIT_DATA", "stray write");
test(
  "MmapRegion of private memory absorbs a stray write without RLIMIT_DATA, and discards it",
  "stray write to private memory",
);
test(
  "MmapRegion leaves RLIMIT_DATA to others when lost pages are read",
  "reading a large file that was cut off",
  guard,
);
