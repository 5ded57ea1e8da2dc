/** The tests that cannot run on the Darwin twin, and why. What is wrong with the module stays a failure. */

import type { Skip } from "../_skips.ts";

export const SKIPS: readonly Skip[] = [
  {
    reason: "Deno itself runs on Linux there, with Linux's errors",
    tests: ["open() fails as Deno.openSync() does: same class, code and message"],
  },
  {
    reason: "macOS has no memfd, no seals and no files of huge pages",
    tests: [
      "receiveRegion() grants what the handle grants, and maps as its options say",
    ],
  },
  {
    reason: "shared memory of macOS has the room that its maker asked for with `reserve`",
    tests: [
      "Once.run() may grow its region, which moves it",
      "a closed SharedMap throws BadResource, and leaves the region of its user open",
      "a guard is good after its region was moved",
      "a guard whose words were cut off gives back nothing that is somebody else's",
      "Barrier follows a region that is resized",
      "Condition follows a region that is resized",
      "Futex follows a region that is resized",
      "Mutex follows a region that is resized",
      "Once follows a region that is resized",
      "RwLock follows a region that is resized",
      "Semaphore follows a region that is resized",
      "SharedEvent follows a region that is resized",
      "reserve ends where it says: then the region moves and its views die",
    ],
  },
  {
    reason: "the test looks for Linux's own call, or counts its objects in /proc",
    tests: [
      "AppendLog.append() makes a system call only if somebody sleeps",
      "Futex.wait() parks one call for a thousand words",
      "MmapRegion.stats() counts the pages that were touched",
      "MmapRegion.stats() tells what other processes map too",
      "a path of 107 bytes is not too long",
      "a process ends although a Worker was terminated that waits",
      "a program ends with Deno.exit() while a wait is parked",
      "passing a region leaves no descriptor behind",
      "receiveRegion() throws RangeError if the object is shorter than the handle says",
      "receiveRegion() throws TypeError if the message is no handle, or another one's",
    ],
  },
];
