/** The number of the calling thread. */

import { SYS_gettid } from "./constants.ts";
import { libc } from "./libc.ts";
import { platform } from "./platform.ts";

/** Linux's `gettid`; elsewhere the process's number, since macOS numbers threads with 64 bits. */
export function threadId(): number {
  return platform().os === "linux" ? Number(libc().gettid(BigInt(SYS_gettid))) : Deno.pid;
}
