/** The table of failed tests, of what `deno test` really prints. */

import { assertEquals, assertMatch } from "@std/assert";
import { failuresIn, report, summaryIn } from "../../tools/failure_table.ts";
import { withTempDir } from "../_files.ts";

/** What `deno test` prints for some files. */
async function logOf(files: Record<string, string>): Promise<string> {
  let log = "";
  await withTempDir(async (dir) => {
    for (const [name, text] of Object.entries(files)) {
      Deno.writeTextFileSync(`${dir}/${name}`, text);
    }
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "--no-check", "--no-config", "--no-lock"],
      cwd: dir,
      env: { NO_COLOR: "1" },
    }).output();
    log = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
  });
  return log;
}

Deno.test("the table has each test that failed, with its place and error", async () => {
  const log = await logOf({
    "a_test.ts": [
      `Deno.test("good", () => {});`,
      `Deno.test("bad | one", () => { throw new TypeError("no\\nsecond"); });`,
      `Deno.test("steps", (t) => t.step("inner", () => { throw new Error("x"); }).then(() => {}));`,
    ].join("\n"),
    "b_test.ts": `throw new RangeError("at load");`,
  });
  assertEquals(failuresIn(log), [
    { test: "bad | one", place: "./a_test.ts:2:6", error: "TypeError: no" },
    { test: "steps ... inner", place: "./a_test.ts:3:29", error: "Error: x" },
    { test: "./b_test.ts (uncaught error)", place: "", error: "(in promise) RangeError: at load" },
  ]);
  assertMatch(summaryIn(log), /^FAILED \| 1 passed \| 3 failed/);
  assertMatch(report(log), /^\| bad \\\| one \| \.\/a_test\.ts:2:6 \| TypeError: no \|$/m);
});

Deno.test("without a failure there is no table, and a run that broke off is told", async () => {
  const log = await logOf({ "a_test.ts": `Deno.test("good", () => {});` });
  assertMatch(report(log), /^\*\*ok \| 1 passed \| 0 failed .*\*\*$/);
  assertEquals(report("running 3 tests"), "**the tests did not run to their end**");
});

Deno.test("the failures of several runs in one log are all in the table", async () => {
  const logs = await Promise.all(
    ["one", "two"].map((name) =>
      logOf({ "a_test.ts": `Deno.test("${name}", () => { throw new Error("${name}"); });` })
    ),
  );
  const log = `${logs.join("\n")}\nFAILED: 0 passed, 2 failed, 0 skipped\n`;
  assertEquals(failuresIn(log).map(({ test }) => test), ["one", "two"]);
  assertMatch(report(log), /^\*\*FAILED: 0 passed, 2 failed, 0 skipped\*\*$/m);
});
