/**
 * Runs the tests with Darwin's calls carried out by Linux (tests/twin):
 * `deno task test:darwin [--old] [--arch=arm64] [--page=16384] [--emulated] [--jobs=N]
 * [--without=EXPRESSION] [PATH ...]`; files whose paths match the expression are left out.
 * `--emulated` is the arm64 Deno in qemu-user, as in `deno task test:arm64`, with pages of its own.
 * Prints the result of each file and folder, and why tests did not run; fails if one failed.
 */

import { parseArgs } from "node:util";
import { typeScriptFiles } from "./_files.ts";
import { reasonToSkip, reasonToSkipFile } from "./_skips.ts";
import { type FileResult, type OtherDeno, skippedTests, testFile } from "./_test_file.ts";
import { prepareDeno } from "./arm64/emulator.ts";
import { buildTwin } from "./darwin/build.ts";
import { SKIPS } from "./darwin/skips.ts";

/** What there is of the module that a Mac can show. */
const FOLDERS = [
  ...["ffi", "region", "mapping", "os", "wait", "sync", "channel", "collections", "sharing"],
  ...["struct", "guard", "safety"],
].map((name) => `tests/${name}/`);

const AS_ITSELF_SAYS = "by its own `ignore`";

/** The files that were asked for, or all that can run. */
function filesToTest(wanted: readonly string[], without: RegExp | undefined): string[] {
  const starts = wanted.length > 0 ? wanted.map((path) => path.replace(/^\.\//, "")) : FOLDERS;
  return typeScriptFiles("tests").map((path) => `tests/${path}`)
    .filter((path) => path.endsWith("_test.ts") && starts.some((start) => path.startsWith(start)))
    .filter((path) => reasonToSkipFile(SKIPS, path) === undefined && without?.test(path) !== true);
}

/** What each reason kept from running. */
function skippedByReason(results: readonly FileResult[]): Map<string, string[]> {
  const names = results.flatMap(({ output }) => skippedTests(output));
  return Map.groupBy(names, (name) => reasonToSkip(SKIPS, name) ?? AS_ITSELF_SAYS);
}

function printFile({ file, passed, failed, skipped, seconds, success, output }: FileResult): void {
  console.log(`${file}: ${passed} passed, ${failed} failed, ${skipped} skipped (${seconds} s)`);
  if (!success) console.log(output);
}

function counts(results: readonly FileResult[]): string {
  const sum = (count: "passed" | "failed" | "skipped"): string =>
    `${results.reduce((total, result) => total + result[count], 0)} ${count}`;
  return `${sum("passed")}, ${sum("failed")}, ${sum("skipped")}`;
}

function printFolder(folder: string, results: readonly FileResult[]): void {
  const broken = results.filter(({ success, failed }) => !success && failed === 0);
  console.log(`${folder}: ${counts(results)}`);
  for (const [reason, names] of skippedByReason(results)) {
    console.log(`  ${names.length} skipped: ${reason}`);
    for (const name of names) console.log(`    ${name}`);
  }
  for (const { file } of broken) console.log(`  did not come to an end: ${file}`);
}

/** Runs the files, several at once. */
async function testAll(deno: OtherDeno, files: string[], jobs: number): Promise<FileResult[]> {
  const waiting = files.values();
  const results: FileResult[] = [];
  const work = async (): Promise<void> => {
    for (const file of waiting) {
      const result = await testFile(deno, file);
      results.push(result);
      printFile(result);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  return results;
}

/** The Deno of this machine, or that of another one in its emulator. */
async function realDeno(
  emulated: boolean,
  page: string | undefined,
): Promise<Omit<OtherDeno, "preload">> {
  if (!emulated) return { program: Deno.execPath(), env: {}, limitSeconds: 600 };
  const { program, env } = await prepareDeno();
  const pages = page === undefined ? undefined : { QEMU_PAGESIZE: page };
  return { program, env: { ...env, ...pages, MMAP_TEST_PATIENCE: "10" }, limitSeconds: 900 };
}

const { values, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: {
    old: { type: "boolean", default: false },
    arch: { type: "string", default: "x86_64" },
    page: { type: "string" },
    emulated: { type: "boolean", default: false },
    jobs: { type: "string", default: String(navigator.hardwareConcurrency) },
    without: { type: "string" },
  },
});
const { old, arch, page, emulated, jobs, without } = values;
const real = await realDeno(emulated, page);
await using twin = await buildTwin({
  old,
  arch: arch === "arm64" || emulated ? "aarch64" : "x86_64",
  page: page === undefined || emulated ? undefined : Number(page),
  compiler: emulated ? "aarch64-linux-gnu-gcc" : "gcc",
  deno: real.program,
});
const deno: OtherDeno = { ...real, program: twin.deno, preload: "./tools/darwin/preload.ts" };
const results = await testAll(
  deno,
  filesToTest(positionals, without === undefined ? undefined : new RegExp(without)),
  Number(jobs),
);
const folders = Map.groupBy(results, ({ file }) => file.slice(0, file.lastIndexOf("/")));
for (const [folder, inIt] of [...folders].sort()) printFolder(folder, inIt);
for (const { reason, files = [] } of SKIPS) {
  for (const file of files) console.log(`not run: ${file}: ${reason}`);
}
const left = twin.objects();
if (left.length > 0) console.log(`Shared memory objects left behind: ${left.join(" ")}`);
const isGood = results.every(({ success }) => success) && left.length === 0;
console.log(`${isGood ? "ok" : "FAILED"}: ${counts(results)}`);
Deno.exitCode = isGood ? 0 : 1;
