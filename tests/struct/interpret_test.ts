/** Structs in programs that may not compile source. */

import { assertEquals, assertMatch } from "@std/assert";
import { exercise } from "./_exercise.ts";

Deno.test("Records are the same in a program that may not compile source", async () => {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--v8-flags=--disallow-code-generation-from-strings",
      new URL("./_exercise.ts", import.meta.url).href,
    ],
    env: { NO_COLOR: "1" },
  }).output();
  assertEquals(new TextDecoder().decode(stderr), "");
  const [compiling = "", ...lines] = new TextDecoder().decode(stdout).trimEnd().split("\n");
  assertMatch(compiling, /^EvalError/);
  assertEquals(lines.join("\n"), exercise());
});
