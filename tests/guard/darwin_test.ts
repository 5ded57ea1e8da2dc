/** How the handler of macOS tells faults from what looks like one: see darwin.h. */

import { system } from "../../src/os/mod.ts";
import { assertLives, ignore } from "../_faults.ts";
import { withTempDir } from "../_files.ts";

const PROGRAM = new URL("_darwin.ts", import.meta.url);

const ACTIONS: Record<string, string> = {
  "leaves a signal that was sent, whatever address it tells": "leaveSent",
  "leaves instruction fetches": "leaveFetches",
  "leaves a page that allows the access, as long as it is another access each time":
    "leaveWhatIsAllowed",
  "makes a copy of a page that allows an access, and has the same one again":
    "copyWhatCannotBeGiven",
  "takes a forbidden write by either signal": "absorbByEitherSignal",
  "leaves errno as it was": "keepErrno",
  "leaves zeros that a closed region has left": "leaveZerosOfClosed",
  "maps zeros where a closed region was": "meetLate",
};

for (const [what, action] of Object.entries(ACTIONS)) {
  Deno.test({
    name: `guard_handler of macOS ${what}`,
    ignore: ignore || system().name !== "darwin",
    fn: () => withTempDir((dir) => assertLives(PROGRAM, { args: [action, dir] }).then(() => {})),
  });
}
