/** Runs tests as `tools/test_windows.ts` does, in the working directory. Prints whether all was well. */

import { runTests } from "../../tools/_test_run.ts";

const { success } = await runTests({
  denos: [{ program: Deno.execPath(), env: {}, limitSeconds: 60 }],
  skips: [],
  needsReasons: Deno.args[0] === "needsReasons",
  wanted: Deno.args.slice(1),
  folders: ["tests/"],
});
console.log(success ? "good" : "bad");
