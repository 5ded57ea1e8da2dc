/** The search for two bytes by machine code: what it finds, reads and survives. */

import { assertEquals } from "@std/assert";
import { pairFinder } from "../../ffi/search/find.ts";
import { assertLives, livesOnBothFileSystems } from "../_faults.ts";
import { guard } from "../_capabilities.ts";
import { HAS_PROC } from "../_process.ts";

const PROGRAM = new URL("_find_pair.ts", import.meta.url);
const ignore = pairFinder() === undefined;

Deno.test({
  name: "pairFinder() is there if the processor has AVX2 or NEON",
  ignore: guard.ignore || hasAvx2() === undefined,
  fn: () =>
    assertEquals(pairFinder() !== undefined, Deno.build.arch === "aarch64" || hasAvx2() === true),
});

/** As the system says, where it does. */
function hasAvx2(): boolean | undefined {
  if (HAS_PROC) return /^flags\s*:.* avx2 /m.test(Deno.readTextFileSync("/proc/cpuinfo"));
  if (Deno.build.os !== "windows") return undefined;
  const library = Deno.dlopen("kernel32.dll", {
    IsProcessorFeaturePresent: { parameters: ["u32"], result: "i32" },
  });
  const avx2 = 40; // PF_AVX2_INSTRUCTIONS_AVAILABLE
  const answer = library.symbols.IsProcessorFeaturePresent(avx2);
  library.close();
  return answer !== 0;
}

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
