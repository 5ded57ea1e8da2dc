/** Linux. */

import { cString } from "../../../ffi/arguments.ts";
import { PR_SET_VMA, PR_SET_VMA_ANON_NAME } from "../../../ffi/constants.ts";
import { libc } from "../../../ffi/libc.ts";
import { addressOf, type Range } from "../../../ffi/memory.ts";
import { posixMemory } from "../posix/memory.ts";
import type { System } from "../system.ts";
import { drop, punch } from "./discard.ts";
import { usage } from "./usage.ts";

export const linux: System = {
  name: "linux",
  memory: { ...posixMemory, punch, drop, usage, label },
};

/** Names private memory in /proc/self/maps. Kernels before 5.17 do not. */
function label({ pointer, byteLength }: Range, label: string): void {
  const text = cString(label, "label", "prctl");
  const what = BigInt(PR_SET_VMA_ANON_NAME);
  libc().prctl?.(PR_SET_VMA, what, addressOf(pointer), BigInt(byteLength), text);
}
