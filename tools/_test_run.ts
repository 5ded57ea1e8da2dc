/** Runs the test files of folders with a Deno that is not the usual one, and tells of each. */

import { typeScriptFiles } from "./_files.ts";
import { type Skip, skipOf } from "./_skips.ts";
import { type FileResult, type OtherDeno, testFile, testsThatAre } from "./_test_file.ts";

/** What to run, and what not. */
export interface TestRun {
  /** So many files run at once. */
  readonly denos: readonly OtherDeno[];
  readonly skips: readonly Skip[];
  /** Whether it is a failure if a test ignores itself and has no reason among the skips. */
  readonly needsReasons?: boolean;
  /** The beginnings of the paths that were asked for; if there are none, the folders. */
  readonly wanted: readonly string[];
  /** The paths that may be run at all. */
  readonly only?: RegExp | undefined;
  /** The paths that are left out. */
  readonly without?: RegExp | undefined;
  /** The paths of folders, with "/" at their ends. */
  readonly folders: readonly string[];
}

const AS_ITSELF_SAYS = "by its own `ignore`";

/** The files that were asked for, or all that can run. @throws {Error} If one that was asked for is not there. */
function filesToTest({ wanted, only, without, folders }: TestRun): string[] {
  const files = typeScriptFiles("tests").map((path) => `tests/${path}`)
    .filter((path) => path.endsWith("_test.ts"));
  const asked = wanted.map((path) => path.replaceAll("\\", "/").replace(/^\.\//, ""));
  for (const start of asked) {
    if (!files.some((path) => path.startsWith(start))) throw new Error(`No tests are at ${start}`);
  }
  const starts = asked.length > 0 ? asked : folders;
  return files.filter((path) =>
    only?.test(path) !== false && without?.test(path) !== true &&
    starts.some((start) => path.startsWith(start))
  );
}

/** The tests that ended so, by why they were expected to. */
function namesByReason(
  end: "ok" | "ignored",
  results: readonly FileResult[],
  skips: readonly Skip[],
): Map<string, string[]> {
  const found = results.flatMap(({ file, output }) =>
    testsThatAre(end, output).map((name) => ({ name, skip: skipOf(skips, name, file) }))
  );
  const named = end === "ok" ? found.filter(({ skip }) => skip?.refused !== undefined) : found;
  const groups = Map.groupBy(named, ({ skip }) => skip?.reason ?? AS_ITSELF_SAYS);
  return new Map(Array.from(groups, ([reason, tests]) => [reason, tests.map(({ name }) => name)]));
}

function printFile({ file, passed, failed, skipped, seconds, success, output }: FileResult): void {
  console.log(`${file}: ${passed} passed, ${failed} failed, ${skipped} skipped (${seconds} s)`);
  if (!success) console.log(output);
}

/** How many tests there were; those that were refused, as they had to be, are among the passed ones. */
function countsOf(results: readonly FileResult[], skips: readonly Skip[]): string {
  const sum = (count: "passed" | "failed" | "skipped"): string =>
    `${results.reduce((total, result) => total + result[count], 0)} ${count}`;
  const refused = [...namesByReason("ok", results, skips).values()].flat().length;
  const ofThem = refused === 0 ? "" : ` (${refused} of them refused with NotSupported)`;
  return `${sum("passed")}${ofThem}, ${sum("failed")}, ${sum("skipped")}`;
}

function printFolder(
  folder: string,
  results: readonly FileResult[],
  skips: readonly Skip[],
): void {
  const broken = results.filter(({ success, failed }) => !success && failed === 0);
  console.log(`${folder}: ${countsOf(results, skips)}`);
  for (const [end, verb] of [["ok", "refused"], ["ignored", "skipped"]] as const) {
    for (const [reason, names] of namesByReason(end, results, skips)) {
      console.log(`  ${names.length} ${verb}: ${reason}`);
      for (const name of names) console.log(`    ${name}`);
    }
  }
  for (const { file } of broken) console.log(`  did not come to an end: ${file}`);
}

/** Runs the files, with each Deno one at a time. */
async function testAll(denos: readonly OtherDeno[], files: string[]): Promise<FileResult[]> {
  const waiting = files.values();
  const results: FileResult[] = [];
  const work = async (deno: OtherDeno): Promise<void> => {
    for (const file of waiting) {
      const result = await testFile(deno, file);
      results.push(result);
      printFile(result);
    }
  };
  await Promise.all(denos.map(work));
  return results;
}

/**
 * Runs them, and prints the result of each file and folder.
 *
 * @returns whether all was well, and how many tests there were
 */
export async function runTests(run: TestRun): Promise<{ success: boolean; counts: string }> {
  const results = await testAll(run.denos, filesToTest(run));
  const folders = Map.groupBy(results, ({ file }) => file.slice(0, file.lastIndexOf("/")));
  for (const [folder, inIt] of [...folders].sort()) printFolder(folder, inIt, run.skips);
  const unnamed = namesByReason("ignored", results, run.skips).has(AS_ITSELF_SAYS);
  const success = results.every(({ success }) => success) && !(run.needsReasons && unnamed);
  return { success, counts: countsOf(results, run.skips) };
}
