/** Runs of the tests with another Deno: nothing that did not run passes. */

import { assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { withTempDir } from "../_files.ts";

const RUN = new URL("_test_run.ts", import.meta.url);
const ROOT = new URL("../../", import.meta.url);

/** The last line of what was printed, and the errors. */
interface Ended {
  readonly end: string | undefined;
  readonly stderr: string;
}

const PASSES = `Deno.test("one", () => {});`;
const IS_IGNORED = `Deno.test.ignore("two", () => {});`;

/** Runs the tests of a project that has one file of them. */
async function runIn(dir: string, tests: string, ...args: string[]): Promise<Ended> {
  await Deno.mkdir(join(dir, "tests"));
  await Deno.writeTextFile(join(dir, "tests", "_setup.ts"), "");
  await Deno.writeTextFile(join(dir, "tests", "one_test.ts"), tests);
  const config = `--config=${fromFileUrl(new URL("deno.json", ROOT))}`;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--no-lock", config, fromFileUrl(RUN), ...args],
    cwd: dir,
  }).output();
  const text = new TextDecoder();
  return { end: text.decode(stdout).trim().split("\n").at(-1), stderr: text.decode(stderr) };
}

const CASES = [
  ["all of them", PASSES, ["needsReasons"], "good"],
  ["one by its name", PASSES, ["needsReasons", "./tests/one"], "good"],
  ["one by a name of Windows", PASSES, ["needsReasons", "tests\\one_test.ts"], "good"],
  ["one that ignores itself", PASSES + IS_IGNORED, ["any"], "good"],
  ["one that ignores itself without a reason where it needs one", PASSES + IS_IGNORED, [
    "needsReasons",
  ], "bad"],
] as const;

for (const [name, tests, args, wanted] of CASES) {
  Deno.test(`a run of tests with another Deno, of ${name}, is ${wanted}`, () =>
    withTempDir(async (dir) => {
      const { end, stderr } = await runIn(dir, tests, ...args);
      assertEquals(end, wanted, stderr);
    }));
}

Deno.test("a run of tests with another Deno fails if what it shall run is not there", () =>
  withTempDir(async (dir) => {
    const { stderr } = await runIn(dir, PASSES, "any", "tests/one", "tests/tow");
    assertMatch(stderr, /No tests are at tests\/tow/);
  }));
