/**
 * Runs the tests with the arm64 Deno in an emulator: `deno task test:arm64 [--jobs N] [FILE ...]`.
 * Prints the result of each file, and why a test did not run; fails if one failed.
 */

import { parseArgs } from "node:util";
import { typeScriptFiles } from "./_files.ts";
import { skipOf } from "./_skips.ts";
import { type FileResult, type OtherDeno, testFile, testsThatAre } from "./_test_file.ts";
import { prepareDeno } from "./arm64/emulator.ts";
import { SKIPS } from "./arm64/skips.ts";

/** The files that were asked for, or all that can run. */
function filesToTest(wanted: readonly string[]): string[] {
  if (wanted.length > 0) return [...wanted];
  return typeScriptFiles("tests").map((path) => `tests/${path}`)
    .filter((path) => path.endsWith("_test.ts") && skipOf(SKIPS, "", path) === undefined);
}

function printResult(
  { file, passed, failed, skipped, seconds, success, output }: FileResult,
): void {
  console.log(`${file}: ${passed} passed, ${failed} failed, ${skipped} skipped (${seconds} s)`);
  for (const name of testsThatAre("ignored", output)) {
    const reason = skipOf(SKIPS, name, file)?.reason ?? "as on any machine of this kind";
    console.log(`  skipped: ${name}: ${reason}`);
  }
  if (!success) console.log(output);
}

const { values, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: { jobs: { type: "string", default: String(navigator.hardwareConcurrency) } },
});
const { program, env } = await prepareDeno();
const deno: OtherDeno = {
  program,
  env: { ...env, MMAP_TEST_PATIENCE: "10" },
  preload: "./tools/arm64/preload.ts",
  limitSeconds: 900,
};
const waiting = filesToTest(positionals).values();
const results: FileResult[] = [];

/** Takes files from the common list until none is left. */
async function work(): Promise<void> {
  for (const file of waiting) {
    const result = await testFile(deno, file);
    results.push(result);
    printResult(result);
  }
}

await Promise.all(Array.from({ length: Number(values.jobs) }, work));
const sum = (count: "passed" | "failed" | "skipped"): number =>
  results.reduce((total, result) => total + result[count], 0);
const broken = results.filter(({ success }) => !success).map(({ file }) => file);
if (broken.length > 0) console.log(`Failed files: ${broken.join(" ")}`);
console.log(`${sum("passed")} passed, ${sum("failed")} failed, ${sum("skipped")} skipped`);
Deno.exit(broken.length === 0 ? 0 : 1);
