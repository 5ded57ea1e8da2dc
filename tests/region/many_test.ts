/** Many regions at once, and many one after the other: in children, whose processes are looked at. */

import { assert, assertEquals } from "@std/assert";
import { resultOf } from "../_child.ts";
import { makeFile, withTempDir } from "../_files.ts";

const onLinux = Deno.build.os === "linux";
/** As many descriptors as the system lets this user have. */
const MORE_DESCRIPTORS = "ulimit -n $(ulimit -H -n)";

/** Whether 10,000 descriptors may be open at once. */
function mayOpenMany(): boolean {
  const limit = onLinux &&
    Deno.readTextFileSync("/proc/self/limits").match(/Max open files\s+\S+\s+(\d+|unlimited)/)?.[1];
  return limit === "unlimited" || Number(limit) > 10_500;
}

const OPEN_AT_ONCE: Record<string, string> = {
  "a file": `MmapRegion.open(path, { access: "read-write" })`,
  "anonymous shared memory": `MmapRegion.anonymous(1)`,
  "anonymous private memory": `MmapRegion.anonymous(1, { sharing: "private" })`,
};

for (const [name, make] of Object.entries(OPEN_AT_ONCE)) {
  Deno.test({
    name: `10,000 regions of ${name} are open at once, and all are given back`,
    ignore: !mayOpenMany(),
    fn: () =>
      withTempDir(async (dir) => {
        const result = await resultOf(
          `
          import { MmapRegion } from "@mmap/mmap";
          const path = Deno.args[0];
          ${COUNTS}
          const first = ${make};
          void first.bytes; // loads what a process needs once
          first.close();
          const before = counts();
          const regions = Array.from({ length: 10_000 }, () => ${make});
          regions.forEach((region, i) => region.bytes[0] = i & 0xff);
          const during = counts();
          const wrong = regions.filter((region, i) => region.bytes[0] !== ${
            name === "a file" ? "(9999 & 0xff)" : "(i & 0xff)"
          });
          for (const region of regions) region.close();
          const after = counts();
          console.log(JSON.stringify({ before, during, after, wrong: wrong.length }));
        `,
          { args: [makeFile(dir, 1)], ulimit: MORE_DESCRIPTORS },
        );
        const { before, during, after, wrong } = result;
        assertEquals(wrong, 0);
        const perRegion = name === "anonymous private memory" ? 0 : 1;
        assertEquals(during.descriptors - before.descriptors, perRegion * 10_000);
        assertNothingLeft(before, after, 10_000);
      }),
  });
}

/** What a process holds. */
const COUNTS = `
  const counts = () => ({
    mappings: Deno.readTextFileSync("/proc/self/maps").split("\\n").length,
    descriptors: [...Deno.readDirSync("/proc/self/fd")].length,
    resident: Number(Deno.readTextFileSync("/proc/self/statm").split(" ")[1]) * 4096,
  });
`;

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

const CYCLES: [string, number, string][] = [
  ["private memory", 1_000_000, `MmapRegion.anonymous(1, { sharing: "private" })`],
  ["anonymous shared memory", 50_000, `MmapRegion.anonymous(1)`],
  ["a file", 50_000, `MmapRegion.open(path, { access: "read-write" })`],
];

for (const [name, times, make] of CYCLES) {
  Deno.test({
    name: `${times} times opening and closing ${name} leave nothing behind`,
    ignore: !onLinux,
    fn: () =>
      withTempDir(async (dir) => {
        const { before, after } = await resultOf(
          `
          import { MmapRegion } from "@mmap/mmap";
          const path = Deno.args[0];
          ${COUNTS}
          function cycle(times) {
            for (let i = 0; i < times; i++) {
              const region = ${make};
              region.bytes[0] = 1;
              region.close();
            }
          }
          // Finalizers and their registry are cleared in turns of the event loop.
          async function cycles(times) {
            for (let i = 0; i < times; i += 10_000) {
              cycle(10_000);
              await new Promise((resolve) => setTimeout(resolve));
            }
          }
          await cycles(${times / 5}); // V8's heap has found its size by then
          const before = counts();
          await cycles(${times * 4 / 5});
          console.log(JSON.stringify({ before, after: counts() }));
        `,
          { args: [makeFile(dir, 1)], timeoutMs: 280_000 },
        );
        assertNothingLeft(before, after, times * 4 / 5);
        // One leaked page for each cycle would be 160 MB at the least.
        assert(after.resident - before.resident < 32 * 2 ** 20, JSON.stringify({ before, after }));
      }),
  });
}
