/**
 * Everything built in that takes bytes and may use them later, while the region behind the bytes is
 * closed, resized, shortened by another process, forgotten, or its Worker terminated. Addresses
 * that are given again would be given to another region, which is opened right behind that.
 */

import { assertEquals } from "@std/assert";
import { lending } from "../_capabilities.ts";
import { withTempDir } from "../_files.ts";
import { readPage } from "../_markdown.ts";
import { ALL, GROUPS } from "./_consumers/all.ts";
import { cellsOf } from "./_consumers/main.ts";
import { type Report, runGroup } from "./_consumers/run.ts";
import { documented, TABLE, wrongIn } from "./_consumers/table.ts";

const { ignore } = lending;

/** What is wrong with each consumer, cell by cell. */
function faultsOf(group: string, { seen, ends }: Report): Map<string, string[]> {
  const faults = new Map(GROUPS[group]!.map(({ name }) => [name, [] as string[]]));
  cellsOf(group).forEach(({ consumer: { name }, way, time }, number) => {
    const end = ends.get(number);
    const cell = seen.get(number);
    const found = cell === undefined ? [] : [
      wrongIn(TABLE[name]!, { way, time }, cell),
      ...cell.problems,
    ];
    if (end !== undefined) found.push(`the process ended, ${end}`);
    else if (cell === undefined) found.push("it was not tried");
    for (const what of found) {
      if (what !== undefined) faults.get(name)!.push(`${way} ${time}: ${what}`);
    }
  });
  return faults;
}

for (const group of Object.keys(GROUPS)) {
  Deno.test({
    name: `consumers of bytes (${group}) get what is theirs while the region ends`,
    ignore,
    fn: (t) =>
      withTempDir(async (dir) => {
        const count = cellsOf(group).length;
        const report = await runGroup(group, count, dir);
        for (const [name, faults] of faultsOf(group, report)) {
          await t.step(name, () => assertEquals(faults, []));
        }
        await t.step("in a Worker that is terminated", () => {
          assertEquals([...report.problems, report.ends.get(count)].filter(Boolean), []);
        });
      }),
  });
}

Deno.test("docs/lending.md has each consumer with what it gets", () => {
  const { prose } = readPage("docs/lending.md");
  const rows = prose.split("\n").filter((line) => line.startsWith("|")).slice(2)
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()).join(" | "));
  assertEquals(rows, ALL.map(({ name }) => documented(name)));
  assertEquals(Object.keys(TABLE).sort(), ALL.map(({ name }) => name).sort());
});
