/** Who a process is and which object a descriptor leads to, beyond numbers that are used again. */

import { isSystemError } from "../../ffi/call.ts";
import { readProc } from "../../ffi/proc.ts";
import { platform } from "../../ffi/platform.ts";

/** A process: its number alone is given to another one sooner or later. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in clock ticks after the boot; 0 where the platform does not tell. */
  readonly startTime: number;
  /** Which boot of the machine; "" where the platform does not tell. */
  readonly bootId: string;
}

let self: ProcessIdentity | undefined;

/** This process. */
export function ownIdentity(): ProcessIdentity {
  return self ??= { pid: Deno.pid, startTime: startTimeOf(Deno.pid) ?? 0, bootId: bootId() };
}

/** When a process started; undefined if there is none of that number. */
export function startTimeOf(pid: number): number | undefined {
  if (platform().os !== "linux") return 0;
  try {
    // Field 22; the second one is the command in parentheses, which may hold anything.
    const stat = readProc(`/proc/${pid}/stat`);
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
  } catch (error) {
    // ESRCH: it ended between the opening and the reading.
    if (isSystemError(error) && (error.code === "ENOENT" || error.code === "ESRCH")) {
      return undefined;
    }
    throw error;
  }
}

/** The identity of this boot of the machine. */
export function bootId(): string {
  return platform().os === "linux" ? readProc("/proc/sys/kernel/random/boot_id").trim() : "";
}
