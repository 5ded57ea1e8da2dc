/** Linux. */

import { cString } from "../../../ffi/arguments.ts";
import { PR_SET_VMA, PR_SET_VMA_ANON_NAME } from "../../../ffi/constants.ts";
import { getenv } from "../../../ffi/proc.ts";
import { libc } from "../../../ffi/libc.ts";
import { addressOf, type Range } from "../../../ffi/memory.ts";
import { onceLoaded, posixBytes, posixMemory } from "../posix/memory.ts";
import { isHeld, threadIn } from "../posix/token.ts";
import type { NamedSystem, ProcessSystem, System, TokenSystem } from "../system.ts";
import { drop, punch } from "./discard.ts";
import { list, reap } from "./list.ts";
import { create, open, pathOf, unlink, unlinkOwn } from "./named.ts";
import { objects } from "./objects.ts";
import { own as ownName, OWNER_PREFIX, SHARED_MEMORY_DIRECTORY } from "./owners.ts";
import {
  boot,
  checkComparable,
  isDead,
  own,
  ownThread,
  pidNamespace,
  threadOf,
} from "./processes.ts";
import { processOfThread, processWithToken } from "./other_process.ts";
import { take } from "./token.ts";
import { usage } from "./usage.ts";
import { waiting } from "./waiting.ts";

const bytes = onceLoaded((symbols) => ({
  ...posixBytes(symbols),
  ...(symbols.memrchr === null ? {} : { findLastByte: symbols.memrchr }),
}));

const named: NamedSystem = {
  nameLimit: 255,
  reservedPrefix: OWNER_PREFIX,
  directory: SHARED_MEMORY_DIRECTORY,
  pathOf,
  open,
  create,
  own: (name, { inode }) => ownName(name, inode),
  unlink,
  unlinkOwn,
  list,
  reap,
};

const processes: ProcessSystem = {
  own,
  boot,
  pidNamespace,
  variable: getenv,
  thread: ownThread,
  threadOf,
  isDead,
  checkComparable,
  processOfThread,
};

const tokens: TokenSystem = { take, isHeld, threadIn, processWith: processWithToken };

export const linux: System = {
  name: "linux",
  memory: { ...posixMemory, punch, drop, usage, label },
  get bytes() {
    return bytes();
  },
  objects,
  named,
  processes,
  tokens,
  waiting,
  passing: async () => (await import("../posix/passing.ts")).passing,
  observing: async () => (await import("./observing.ts")).observe(),
};

/** Names private memory in /proc/self/maps. Kernels before 5.17 cannot do that. */
function label({ pointer, byteLength }: Range, label: string): void {
  const text = cString(label, "label", "prctl");
  const what = BigInt(PR_SET_VMA_ANON_NAME);
  libc().prctl?.(PR_SET_VMA, what, addressOf(pointer), BigInt(byteLength), text);
}
