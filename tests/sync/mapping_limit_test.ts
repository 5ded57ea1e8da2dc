/** Locks at the system's limit of mappings. */

import { assertEquals } from "@std/assert";
import { guard, linux } from "../_capabilities.ts";
import { assertRuns } from "../_program.ts";

const PROGRAM = new URL("_mapping_limit.ts", import.meta.url);

/** At that limit, V8 gets no memory to compile code or collect garbage in, and ends the process. */
const FLAGS = [
  "--v8-flags=--single-threaded,--no-opt,--no-maglev,--no-sparkplug,--min-semi-space-size=64",
];

Deno.test("a Mutex does not go on alone where a stray write made all of its region a copy", {
  ignore: guard.ignore || linux.ignore, // where mappings are limited
}, async () => {
  assertEquals(await assertRuns(PROGRAM, { flags: FLAGS }), "alive\n");
});
