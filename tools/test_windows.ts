/**
 * Runs the tests with Deno for Windows, under Wine 10, or on Windows with this Deno: `deno task test:windows [--jobs=N]
 * [--limit=SECONDS] [PATH ...]`.
 * Elsewhere it needs root on a Debian; what it needs beyond that is fetched once, into a cache folder. With
 * `--run FILE [ARG ...]` it runs one program in place of tests. Prints the result of each file and
 * folder, and why tests did not run; fails if one failed.
 */

import { parseArgs } from "node:util";
import { runTests } from "./_test_run.ts";
import { argumentsInside, inNamespace, startWine } from "./windows/wine.ts";
import { SKIPS } from "./windows/skips.ts";

/** On Windows itself, its Deno is this one, and there is no Wine. */
const IS_WINDOWS = Deno.build.os === "windows";

/** The tests that this system's Deno runs, and that have Deno for Windows do something beside it. */
const BOTH = /^tests\/mixed\//;

/** Windows has none of it: the fuzzer's, those of Linux's namespaces, of Python and of the model of macOS. */
const OF_OTHERS = /^tests\/(fuzz|mixed|namespaces|python|twin)\//;

const PATIENCE = { MMAP_TEST_PATIENCE: "10" };

/** @param programs take the arguments of `deno`, for Windows */
async function test(programs: readonly string[], limitSeconds: number): Promise<number> {
  const preload = "./tools/windows/preload.ts";
  const results = await runTests({
    denos: programs.map((program) => ({ program, env: PATIENCE, preload, limitSeconds })),
    skips: SKIPS,
    needsReasons: !IS_WINDOWS, // Wine has all that the tests look for
    wanted: positionals,
    without: positionals.length > 0 ? BOTH : OF_OTHERS,
    folders: ["tests/"],
  });
  const env = { MMAP_WINE: programs[0]!, ...PATIENCE };
  const both = await runTests({
    denos: [{ program: Deno.execPath(), env, limitSeconds }],
    skips: [],
    wanted: positionals,
    only: BOTH,
    folders: IS_WINDOWS ? [] : ["tests/mixed/"],
  });
  const success = results.success && both.success;
  console.log(`${success ? "ok" : "FAILED"}: ${results.counts}; with both: ${both.counts}`);
  return success ? 0 : 1;
}

/** Runs one program. */
async function runAlone(program: string): Promise<number> {
  const args = ["run", "-A", "--no-check", "--no-lock", ...positionals];
  return (await new Deno.Command(program, { args }).spawn().status).code;
}

/**
 * Under Wine, tests that run at once have a Wine each. Who asks what is at the addresses of a process waits
 * there for ever if that is killed meanwhile: some tests ask all processes, and others kill theirs.
 */
async function underWine(): Promise<number> {
  const outside = await inNamespace(import.meta.filename!);
  if (outside !== undefined) return outside;
  await using wines = new AsyncDisposableStack();
  const programs: string[] = [];
  for (let number = 0; number < jobs; number++) {
    programs.push(wines.use(await startWine(number)).program);
  }
  return await main(programs);
}

async function main(programs: readonly string[]): Promise<number> {
  return values.run ? await runAlone(programs[0]!) : await test(programs, Number(values.limit));
}

const { values, positionals } = parseArgs({
  args: argumentsInside(),
  allowPositionals: true,
  options: {
    jobs: { type: "string", default: String(navigator.hardwareConcurrency) },
    limit: { type: "string", default: "600" },
    run: { type: "boolean", default: false },
  },
});
const jobs = values.run ? 1 : Number(values.jobs);
if (!(jobs >= 1)) throw new TypeError(`--jobs is ${values.jobs}: expected at least 1`);

Deno.exit(
  IS_WINDOWS ? await main(Array.from({ length: jobs }, () => Deno.execPath())) : await underWine(),
);
