/** Runs the test files of folders with a Deno that is not the usual one, and tells of each. */

import { typeScriptFiles } from "./_files.ts";
import { reasonToSkip, reasonToSkipFile, type Skip } from "./_skips.ts";
import { type FileResult, type OtherDeno, skippedTests, testFile } from "./_test_file.ts";

/** What to run, and what not. */
export interface TestRun {
  readonly deno: OtherDeno;
  readonly skips: readonly Skip[];
  /** The beginnings of the paths that were asked for; if there are none, the folders. */
  readonly wanted: readonly string[];
  /** The paths that may be run at all. */
  readonly only?: RegExp | undefined;
  /** The paths that are left out. */
  readonly without?: RegExp | undefined;
  /** The paths of folders, with "/" at their ends. */
  readonly folders: readonly string[];
  /** How many files run at once. */
  readonly jobs: number;
}

const AS_ITSELF_SAYS = "by its own `ignore`";

/** The files that were asked for, or all that can run. */
function filesToTest({ wanted, only, without, folders, skips }: TestRun): string[] {
  const starts = wanted.length > 0 ? wanted.map((path) => path.replace(/^\.\//, "")) : folders;
  return typeScriptFiles("tests").map((path) => `tests/${path}`)
    .filter((path) =>
      only?.test(path) !== false && path.endsWith("_test.ts") &&
      starts.some((start) => path.startsWith(start))
    )
    .filter((path) => reasonToSkipFile(skips, path) === undefined && without?.test(path) !== true);
}

/** What each reason kept from running. */
function skippedByReason(
  results: readonly FileResult[],
  skips: readonly Skip[],
): Map<string, string[]> {
  const names = results.flatMap(({ output }) => skippedTests(output));
  return Map.groupBy(names, (name) => reasonToSkip(skips, name) ?? AS_ITSELF_SAYS);
}

function printFile({ file, passed, failed, skipped, seconds, success, output }: FileResult): void {
  console.log(`${file}: ${passed} passed, ${failed} failed, ${skipped} skipped (${seconds} s)`);
  if (!success) console.log(output);
}

function countsOf(results: readonly FileResult[]): string {
  const sum = (count: "passed" | "failed" | "skipped"): string =>
    `${results.reduce((total, result) => total + result[count], 0)} ${count}`;
  return `${sum("passed")}, ${sum("failed")}, ${sum("skipped")}`;
}

function printFolder(
  folder: string,
  results: readonly FileResult[],
  skips: readonly Skip[],
): void {
  const broken = results.filter(({ success, failed }) => !success && failed === 0);
  console.log(`${folder}: ${countsOf(results)}`);
  for (const [reason, names] of skippedByReason(results, skips)) {
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

/**
 * Runs them, and prints the result of each file and folder.
 *
 * @returns whether all was well, and how many tests there were
 */
export async function runTests(run: TestRun): Promise<{ success: boolean; counts: string }> {
  const results = await testAll(run.deno, filesToTest(run), run.jobs);
  const folders = Map.groupBy(results, ({ file }) => file.slice(0, file.lastIndexOf("/")));
  for (const [folder, inIt] of [...folders].sort()) printFolder(folder, inIt, run.skips);
  for (const { reason, files = [] } of run.skips) {
    for (const file of files) console.log(`not run: ${file}: ${reason}`);
  }
  const success = results.every(({ success }) => success);
  return { success, counts: countsOf(results) };
}
