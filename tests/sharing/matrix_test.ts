/**
 * Who can share memory with whom, and by which way: runs each cell of the table in docs/sharing.md, both
 * directions, and checks that the table is this one.
 */

import { assertEquals } from "@std/assert";
import { linux } from "../_capabilities.ts";
import { withTempDir } from "../_files.ts";
import { exists, withName } from "./_names.ts";
import {
  attachOnce,
  type Cell,
  CELLS,
  compilePeers,
  Creator,
  PARTIES,
  type Party,
  WAYS,
} from "./_peers.ts";

/** Runs the cells of one creator and way: the same memory, one attacher after the other. */
async function runCells(t: Deno.TestContext, cells: readonly Cell[], dir: string): Promise<void> {
  const { creator, way } = cells[0]!;
  await withName(async (name) => {
    const where = way === "file" ? `${dir}/${name}` : name;
    await using running = new Creator(creator.command(dir), way, where);
    const place = await running.whereabouts();
    for (const { attacher, test } of cells) {
      await t.step({
        name: test,
        ignore: !attacher.available(),
        fn: async () => {
          assertEquals(
            await attachOnce(attacher.command(dir), way, place),
            `made by ${creator.says}`,
          );
          assertEquals(await running.look(), `used by ${attacher.says}`);
          assertEquals(exists(name), way === "named"); // no attacher takes the name away
        },
      });
    }
    await running.end();
    assertEquals(exists(name), false);
  });
}

for (const creator of PARTIES) {
  Deno.test({
    name: `${creator.name} shares memory that it has made with all others`,
    ignore: !creator.available(),
    fn: (t) =>
      withTempDir(async (dir) => {
        await compilePeers(dir);
        for (const way of WAYS) {
          const cells = CELLS.filter((cell) =>
            cell.creator === creator && cell.way === way && cell.impossible === undefined
          );
          if (cells.length > 0) await runCells(t, cells, dir);
        }
      }),
  });
}

Deno.test("what the table calls impossible does not work", {
  ignore: linux.ignore || !PARTIES.every((party) => party.available()),
}, () =>
  withTempDir(async (dir) => {
    const shared = PARTIES.find(({ impossible }) => impossible !== undefined)!;
    const path = `${dir}/file`;
    Deno.writeFileSync(path, new Uint8Array(4096));
    for (const where of [path, `/proc/self/fd/0`]) {
      for (const action of ["attach", "create"]) {
        const [program, ...args] = shared.command(dir);
        const { success } = await new Deno.Command(program, {
          args: [...args, action, "named", where],
          stdin: "null",
          stderr: "null",
        }).output();
        assertEquals(success, false, `${action} ${where}`);
      }
    }
  }));

/** The table as rows of cells. */
function expectedRows(): string[][] {
  const cellsOf = (creator: Party, attacher: Party) =>
    CELLS.filter((cell) => cell.creator === creator && cell.attacher === attacher);
  return [
    ["creator", "attacher", ...WAYS],
    ...PARTIES.flatMap((creator) =>
      PARTIES.map((attacher) => [
        creator.name,
        attacher.name,
        ...cellsOf(creator, attacher).map(({ impossible, test }) =>
          impossible === undefined ? `\`${test}\`` : `impossible: ${impossible}`
        ),
      ])
    ),
  ];
}

Deno.test("the table in docs/sharing.md is the one that is tested here", () => {
  const guide = Deno.readTextFileSync(new URL("../../docs/sharing.md", import.meta.url));
  const section = guide.split(/^## /m).find((part) => part.startsWith("Who can share with whom\n"));
  const rows = (section ?? "").split("\n").filter((line) => /^\| .*\|$/.test(line))
    .map((line) => line.slice(1, -1).split("|").map((cell) => cell.trim()))
    .filter((cells) => !/^-+$/.test(cells[0]!));
  const first = rows.findIndex((cells) => cells[0] === "creator");
  assertEquals(rows.slice(first, first + 1 + PARTIES.length ** 2), expectedRows());
});
