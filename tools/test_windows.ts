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
  ...["guard", "safety", "ffi"],
].map((name) => `tests/${name}/`);

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
  const { success, counts } = await runTests({
    deno: {
      program,
      env: { MMAP_TEST_PATIENCE: "10" },
      preload: "./tools/windows/preload.ts",
      limitSeconds: Number(values.limit),
    },
    skips: SKIPS,
    wanted: positionals,
    folders: FOLDERS,
    jobs: Number(values.jobs),
  });
  console.log(`${success ? "ok" : "FAILED"}: ${counts}`);
  return success ? 0 : 1;
}

Deno.exit(await inNamespace(import.meta.filename!) ?? await main());
