/** Linux. */

import { cString } from "../../../ffi/arguments.ts";
import { PR_SET_VMA, PR_SET_VMA_ANON_NAME } from "../../../ffi/constants.ts";
import { libc } from "../../../ffi/libc.ts";
import { addressOf, type Range } from "../../../ffi/memory.ts";
import { onceLoaded, posixBytes } from "../posix/bytes.ts";
import { posixMemory } from "../posix/memory.ts";
import type { System } from "../system.ts";
import { drop, punch } from "./discard.ts";
import { usage } from "./usage.ts";

const bytes = onceLoaded((symbols) => ({
  ...posixBytes(symbols),
  ...(symbols.memrchr === null ? {} : { findLastByte: symbols.memrchr }),
  // glibc has it in vector instructions for x86-64; elsewhere it is a plain loop.
  ...(Deno.build.arch === "x86_64" ? { findWord: symbols.wmemchr } : {}),
}));

export const linux: System = {
  name: "linux",
  memory: { ...posixMemory, punch, drop, usage, label },
  get bytes() {
    return bytes();
  },
};

/** Names private memory in /proc/self/maps. Kernels before 5.17 do not. */
function label({ pointer, byteLength }: Range, label: string): void {
  const text = cString(label, "label", "prctl");
  const what = BigInt(PR_SET_VMA_ANON_NAME);
  libc().prctl?.(PR_SET_VMA, what, addressOf(pointer), BigInt(byteLength), text);
}
