/** The search for two bytes by machine code: what it finds, reads and survives. */

import { assertEquals } from "@std/assert";
import { pairFinder } from "../../ffi/search/find.ts";
import { assertLives, livesOnBothFileSystems } from "../_faults.ts";
import { guard } from "../_capabilities.ts";
import { HAS_PROC } from "../_process.ts";

const PROGRAM = new URL("_find_pair.ts", import.meta.url);
const ignore = Deno.build.os === "windows" || pairFinder() === undefined;

Deno.test({
  name: "pairFinder() is there if the processor has AVX2 or NEON",
  ignore: guard.ignore || !HAS_PROC || Deno.build.os === "windows",
  fn: () => {
    const expected = Deno.build.arch === "aarch64" ||
      /^flags\s*:.* avx2 /m.test(Deno.readTextFileSync("/proc/cpuinfo"));
    assertEquals(pairFinder() !== undefined, expected);
  },
});

const tests: Record<string, string> = {
  findAtTheEdges: "the search for a pair finds what a plain loop finds, and reads no byte beyond",
  giveUp: "the search for a pair gives up when many comparisons are wasted, and then only",
  meetOtherCode: "indexOf() runs no code of another version of the module",
  findInWorkers: "indexOf() finds by pairs in Workers at the same time",
};

for (const [action, name] of Object.entries(tests)) {
  Deno.test({ name, ignore, fn: async () => void await assertLives(PROGRAM, { args: [action] }) });
}

if (!ignore) {
  livesOnBothFileSystems(
    "the search for a pair survives a file that is truncated",
    PROGRAM,
    ["findInCutFile"],
  );
}
