import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { testsThatAre } from "../../tools/_test_file.ts";

const HERE = fromFileUrl(new URL(".", import.meta.url));
const CONFIG = fromFileUrl(new URL("../../deno.json", import.meta.url));

Deno.test("skipTests() has those run that are refused, and lets nothing else pass for it", async () => {
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["test", "--no-check", `--config=${CONFIG}`, "--allow-read"],
      ...[`--preload=${HERE}_refused_preload.ts`, `${HERE}_refused.ts`],
    ],
    env: { NO_COLOR: "1" },
  }).output();
  const output = new TextDecoder().decode(stdout);
  assertEquals(testsThatAre("ignored", output), ["skipped"]);
  assertEquals(testsThatAre("ok", output), [
    "refused",
    "refused later",
    "refused, and else ignored",
    "refused where another error was expected",
    "refused, as a child says",
    "refused, as the command line says",
    "in a file of tests that are refused, but not one of them",
  ]);
  const failed = Array.from(output.matchAll(/^(\S.*) \.\.\. FAILED/gm), ([, name]) => name);
  assertEquals(failed, [
    "refused by an error of another class",
    "refused because of an error of another class",
    "refused in other words",
    "refused with another error",
    "refused no more",
  ]);
  assertEquals(code, 1);
});
