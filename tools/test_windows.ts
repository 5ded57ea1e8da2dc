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

/** What there is of the module on Windows. */
const FOLDERS = [
  ...["struct", "mapping", "os", "region", "wait", "sync", "channel", "collections", "sharing"],
  ...["guard", "safety", "ffi"],
].map((name) => `tests/${name}/`).concat(
  "tests/check/",
  "tests/cli/",
  "tests/tools/",
  "tests/examples_test.ts",
  "tests/readme_test.ts",
);

/** The tests that this system's Deno runs, and that have Deno for Windows do something beside it. */
const BOTH = /^tests\/mixed\//;

const PATIENCE = { MMAP_TEST_PATIENCE: "10" };

/** @param program takes the arguments of `deno`, for Windows */
async function main(program: string, args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      jobs: { type: "string", default: String(navigator.hardwareConcurrency) },
      limit: { type: "string", default: "600" },
      run: { type: "boolean", default: false },
    },
  });
  if (values.run) {
    const args = ["run", "-A", "--no-check", "--no-lock", ...positionals];
    return (await new Deno.Command(program, { args }).spawn().status).code;
  }
  const limitSeconds = Number(values.limit);
  const preload = "./tools/windows/preload.ts";
  const results = await runTests({
    deno: { program, env: PATIENCE, preload, limitSeconds },
    skips: SKIPS,
    wanted: positionals,
    without: BOTH,
    folders: FOLDERS,
    jobs: Number(values.jobs),
  });
  const both = await runTests({
    deno: { program: Deno.execPath(), env: { MMAP_WINE: program, ...PATIENCE }, limitSeconds },
    skips: [],
    wanted: positionals,
    only: BOTH,
    folders: IS_WINDOWS ? [] : ["tests/mixed/"],
    jobs: 1,
  });
  const success = results.success && both.success;
  console.log(`${success ? "ok" : "FAILED"}: ${results.counts}; with both: ${both.counts}`);
  return success ? 0 : 1;
}

async function underWine(): Promise<number> {
  const outside = await inNamespace(import.meta.filename!);
  if (outside !== undefined) return outside;
  await using wine = await startWine();
  return await main(wine.program, argumentsInside());
}

Deno.exit(IS_WINDOWS ? await main(Deno.execPath(), Deno.args) : await underWine());
