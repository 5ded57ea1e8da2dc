/** A handler that somebody else had installed before the guard goes on to get its faults. */

import { assertLives, ignore } from "../_faults.ts";
import { withTempDir } from "../_files.ts";
import { compileC, hasProgram } from "../_gcc.ts";

const PROGRAM = new URL("_foreign_handler.ts", import.meta.url);

const HANDLER = new URL("_handler.c", import.meta.url);

for (const [name, isPlain] of [["with siginfo", 0], ["without siginfo", 1]]) {
  Deno.test({
    name: `the guard calls the handler that was there before it, ${name}`,
    ignore: ignore || !hasProgram("gcc"),
    fn: () =>
      withTempDir(async (dir) => {
        await compileC(await Deno.readTextFile(HANDLER), {
          args: ["-shared", "-fPIC", "-o", `${dir}/handler.so`],
        });
        await assertLives(
          PROGRAM,
          { args: ["callForeign", dir, isPlain] },
        );
      }),
  });
}
