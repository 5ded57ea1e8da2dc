/** How the guard of Windows is installed, replaces pages, and leaves what is not its own: see windows.h. */

import { assertLives, ignore } from "../_faults.ts";
import { withTempDir } from "../_files.ts";

const PROGRAM = new URL("_windows.ts", import.meta.url);
const HOLES = new URL("_windows_holes.ts", import.meta.url);

const ACTIONS: Record<string, string> = {
  "is one handler and one table for all Workers": "installOnce",
  "replaces pages under readers, who see no wrong byte": "replaceUnderReaders",
  "keeps the protections of what is around a replaced page": "keepProtections",
  "keeps private changes beside a missing page": "keepCopies",
  "puts zeros of a section where there is no private memory": "replaceBySections",
  "gives zeros to native code that comes too late": "meetLate",
  "leaves the thread's last error as it was": "keepLastError",
  "passes on what is not a fault of a guarded region": "passOthersOn",
  "makes a copy of a page that allows an access, and has the same one again":
    "copyWhatCannotBeGiven",
  "leaves a page that another thread has put there since the fault": "leavePageOfAnother",
  "leaves a private copy that another thread has made since the fault": "leaveCopyOfAnother",
  "goes on where a closed region has left zeros since the fault": "goOnAfterClose",
  "leaves a range alone that another thread is changing, and takes over from a dead one":
    "leaveRangeOfAnother",
  "leaves a range alone whose thread it cannot look at": "leaveRangeOfHiddenThread",
  "loses nothing that two threads write to the same missing pages": "writeTogether",
};

const ACTIONS_WITH_HOLES: Record<string, string> = {
  "keeps private memory around pages that somebody took out of it": "keepWhatIsAround",
  "leaves pages alone that discard(), advise() or resize() is dropping": "leaveWhatIsDropped",
  "puts zeros where discard() found no memory for them, and nowhere else": "dropWithoutMemory",
};

// Elsewhere there is no such test: `deno task test:windows` runs these.
function onWindows(program: URL, actions: Record<string, string>): void {
  if (Deno.build.os !== "windows") return;
  for (const [what, action] of Object.entries(actions)) {
    Deno.test({
      name: `the guard of Windows ${what}`,
      ignore,
      fn: () => withTempDir((dir) => assertLives(program, { args: [action, dir] }).then(() => {})),
    });
  }
}

onWindows(PROGRAM, ACTIONS);
onWindows(HOLES, ACTIONS_WITH_HOLES);
