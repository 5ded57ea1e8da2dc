/** Forbidden writes do not go unnoticed: who is told of them, how and when. */

import { assertMatch } from "@std/assert";
import { runChild } from "../_child.ts";
import { assertLives, ignore } from "../_faults.ts";
import { withTempDir } from "../_files.ts";

const PROGRAM = new URL("_stray_told.ts", import.meta.url);

const ACTIONS: Record<string, string> = {
  methodsAreComplete: "of the tests know all methods",
  warns: "are told by console.warn at the next method, once a region",
  throws: 'are thrown with onStrayWrite: "throw" by the next method, once a region',
  ignores: 'are ignored with onStrayWrite: "ignore" by all but check()',
  closing: "are told by close(), which has closed the region by then and throws nothing",
  asked: "count as told once faults, check() or flush() has told them, and getters tell nothing",
  askedBefore: "are told to who looked before there was one",
  lostPages: "are not mistaken for lost pages",
  kinds: "are told of each kind of region",
  protected: "under protect() are told as what they are",
};

for (const [action, sentence] of Object.entries(ACTIONS)) {
  Deno.test({
    name: `Stray writes ${sentence}`,
    ignore,
    fn: () => withTempDir(async (dir) => void await assertLives(PROGRAM, { args: [action, dir] })),
  });
}

Deno.test({
  name: "A program that nobody told of its stray write prints a warning at the end of `using`",
  ignore,
  fn: () =>
    withTempDir(async (dir) => {
      const { stderr } = await runChild(PROGRAM, { args: ["prints", dir] });
      assertMatch(stderr, /^A write to a read-only page of '.+' reached nobody: .+"read-write"/);
    }),
});
