/** Many regions at once, and many one after the other: in children, whose processes are looked at. */

import { assert, assertEquals } from "@std/assert";
import { holdings, proc, repetitions } from "../_capabilities.ts";
import { resultOf } from "../_child.ts";
import { makeFile, withTempDir } from "../_files.ts";

const IS_WINDOWS = Deno.build.os === "windows";

/** As many descriptors as the system lets this user have. */
const MORE_DESCRIPTORS = "ulimit -n $(ulimit -H -n)";

/** Whether 10,000 descriptors may be open at once. */
function mayOpenMany(): boolean {
  if (IS_WINDOWS) return true;
  const limit = !proc.ignore &&
    Deno.readTextFileSync("/proc/self/limits").match(/Max open files\s+\S+\s+(\d+|unlimited)/)?.[1];
  return limit === "unlimited" || Number(limit) > 10_500;
}

const PROGRAM = new URL("_many.ts", import.meta.url);

/** Wine takes two descriptors of Linux for each that is open, and a process may have too few of those. */
const MANY = repetitions(10_000);

for (const name of ["a file", "anonymous shared memory", "anonymous private memory"]) {
  Deno.test({
    name: `${
      MANY.toLocaleString("en")
    } regions of ${name} are open at once, and all are given back`,
    ignore: !mayOpenMany(),
    fn: () =>
      withTempDir(async (dir) => {
        const result = await resultOf(PROGRAM, {
          args: ["openAtOnce", makeFile(dir, 1), name, MANY],
          ...IS_WINDOWS ? {} : { ulimit: MORE_DESCRIPTORS },
        });
        const { before, during, after, wrong } = result;
        assertEquals(wrong, 0);
        const perRegion = name === "anonymous private memory" ? 0 : 1;
        const opened = during.descriptors - before.descriptors;
        // Those of Windows are of all kinds; the engine's own come and go.
        const handles = name === "a file" ? 2 : 1; // a file's section is open, too
        if (IS_WINDOWS) {
          assert(Math.abs(opened - perRegion * handles * MANY) < 20, `${opened}`);
        } else assertEquals(opened, perRegion * MANY);
        assertNothingLeft(before, after, MANY);
      }),
  });
}

/** What a process holds. */
interface Counts {
  mappings: number;
  descriptors: number;
  resident: number;
}

/** Deno opens and maps things of its own now and then, but not one for every fiftieth region. */
function assertNothingLeft(before: Counts, after: Counts, regions: number): void {
  const told = JSON.stringify({ before, after });
  assert(after.descriptors - before.descriptors < 20, told);
  assert(after.mappings - before.mappings < regions / 50, told);
}

const CYCLES: [string, number][] = [
  ["anonymous private memory", 1_000_000],
  ["anonymous shared memory", 50_000],
  ["a file", 50_000],
];

for (const [source, cycles] of CYCLES) {
  const times = repetitions(cycles);
  const name = source === "anonymous private memory" ? "private memory" : source;
  Deno.test({
    name: `${times} times opening and closing ${name} leave nothing behind`,
    ignore: holdings.ignore,
    fn: () =>
      withTempDir(async (dir) => {
        const { before, after } = await resultOf(PROGRAM, {
          args: ["openAndClose", makeFile(dir, 1), source, times],
          timeoutMs: 280_000,
        });
        assertNothingLeft(before, after, times * 4 / 5);
        // One leaked page for each cycle would be 160 MB at the least.
        assert(after.resident - before.resident < 32 * 2 ** 20, JSON.stringify({ before, after }));
      }),
  });
}
