/**
 * Runs the tests with Darwin's calls carried out by Linux (tests/twin):
 * `deno task test:darwin [--old] [--arch=arm64] [--page=16384] [--emulated] [--jobs=N]
 * [--without=EXPRESSION] [PATH ...]`; files whose paths match the expression are left out.
 * `--emulated` is the arm64 Deno in qemu-user, as in `deno task test:arm64`, with pages of its own.
 * Prints the result of each file and folder, and why tests did not run; fails if one failed.
 */

import { parseArgs } from "node:util";
import type { OtherDeno } from "./_test_file.ts";
import { runTests } from "./_test_run.ts";
import { prepareDeno } from "./arm64/emulator.ts";
import { buildTwin } from "./darwin/build.ts";
import { SKIPS } from "./darwin/skips.ts";

/** What there is of the module that a Mac can show. */
const FOLDERS = [
  ...["ffi", "region", "mapping", "os", "wait", "sync", "channel", "collections", "sharing"],
  ...["struct", "guard", "safety"],
].map((name) => `tests/${name}/`);

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
const { success, counts } = await runTests({
  denos: Array.from({ length: Number(jobs) }, () => deno),
  skips: SKIPS,
  wanted: positionals,
  without: without === undefined ? undefined : new RegExp(without),
  folders: FOLDERS,
});
const left = twin.objects();
if (left.length > 0) console.log(`Shared memory objects left behind: ${left.join(" ")}`);
const isGood = success && left.length === 0;
console.log(`${isGood ? "ok" : "FAILED"}: ${counts}`);
Deno.exitCode = isGood ? 0 : 1;
