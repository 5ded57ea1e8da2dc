/** A server with all the clients that it takes. */

import { assertEquals } from "@std/assert";
import { assertRuns } from "../../_program.ts";

/** Windows has no limit. */
const ENOUGH = Deno.build.os === "windows" ? [] : ["prlimit", "--nofile=4500:"];

async function mayRaise(): Promise<boolean> {
  const [command, ...args] = ENOUGH;
  if (command === undefined) return true;
  try {
    return (await new Deno.Command(command, { args: [...args, "true"] }).output()).success;
  } catch {
    return false; // no such program
  }
}

const CAN = await mayRaise();

Deno.test({
  name: "the client after the last that a server takes learns how many there are" +
    (CAN ? "" : " (ignored: not enough descriptors)"),
  ignore: !CAN,
  fn: async () => {
    const program = new URL("_full.ts", import.meta.url);
    assertEquals(await assertRuns(program, { prefix: ENOUGH }), "done\n");
  },
});
