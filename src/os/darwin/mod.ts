/** macOS. */

import { required } from "../../../ffi/call.ts";
import { getenv } from "../../../ffi/proc.ts";
import { libc } from "../../../ffi/libc.ts";
import { ESRCH, lastErrno } from "../../../ffi/errno.ts";
import { onceLoaded, posixBytes, posixMemory } from "../posix/memory.ts";
import { posixObjects } from "../posix/objects.ts";
import type { ObjectSystem, ProcessSystem, System } from "../system.ts";
import { anonymous, named } from "./named.ts";
import { waiting } from "./waiting.ts";

const bytes = onceLoaded(posixBytes);

const objects: ObjectSystem = {
  ...posixObjects,
  anonymous,
  checkMayShrink: () => {}, // nothing can be sealed
  isPathless: () => false,
  pathOf: () => "",
  pathsOf: () => [],
  seal(_object, { write }): void {
    if (write) required(null, "fcntl");
  },
};

/** Thread numbers have 64 bits, and there is no /proc, so a Worker counts as its process. */
const processes: ProcessSystem = {
  own: () => ({ pid: Deno.pid, startTime: 0, bootId: "" }),
  boot: () => "",
  pidNamespace: () => 0,
  variable: getenv,
  thread: () => ({ number: Deno.pid, fingerprint: 1 }),
  threadOf: (number) => ({ tid: number & 0x3fffff, isOwnNamespace: true }),
  isDead: (number) => libc().kill(number, 0) !== 0 && lastErrno() === ESRCH,
  checkComparable: () => {},
  processOfThread: (tid) => tid,
};

/** There is no readable list of a process's pages, and advice to drop pages keeps their content. */
export const darwin: System = {
  name: "darwin",
  memory: posixMemory,
  get bytes() {
    return bytes();
  },
  objects,
  named,
  processes,
  waiting,
};
