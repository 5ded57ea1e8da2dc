/**
 * Runs the tests with Deno for Windows, under Wine 10: `deno task test:windows [--jobs=N]
 * [--limit=SECONDS] [PATH ...]`.
 * Needs root on a Debian; what it needs beyond that is fetched once, into a cache folder. With
 * `--run FILE [ARG ...]` it runs one program in place of tests. Prints the result of each file and
 * folder, and why tests did not run; fails if one failed.
 */

import { parseArgs } from "node:util";
import { runTests } from "./_test_run.ts";
import { argumentsInside, inNamespace, startWine } from "./windows/wine.ts";
import { SKIPS } from "./windows/skips.ts";

/** What there is of the module on Windows. */
const FOLDERS = [
  ...["struct", "mapping", "os", "region", "wait", "sync", "channel", "collections", "sharing"],
  ...["guard", "safety"],
].map((name) => `tests/${name}/`);

/** The tests that this system's Deno runs, and that have Deno for Windows do something beside it. */
const BOTH = /^tests\/mixed\//;

const PATIENCE = { MMAP_TEST_PATIENCE: "10" };

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    args: argumentsInside(),
    allowPositionals: true,
    options: {
      jobs: { type: "string", default: String(navigator.hardwareConcurrency) },
      limit: { type: "string", default: "300" },
      run: { type: "boolean", default: false },
    },
  });
  const program = await startWine();
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
    folders: ["tests/mixed/"],
    jobs: 1,
  });
  const success = results.success && both.success;
  console.log(`${success ? "ok" : "FAILED"}: ${results.counts}; with both: ${both.counts}`);
  return success ? 0 : 1;
}

Deno.exit(await inNamespace(import.meta.filename!) ?? await main());
