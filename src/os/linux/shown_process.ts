/**
 * Finds the process of a holder in /proc, for display only; nothing depends on it. There is no
 * answer if /proc belongs to another PID namespace, or does not show that process.
 */

import { isSystemError } from "../../../ffi/call.ts";
import { listDirectory } from "../../../ffi/directory.ts";
import { byteOf } from "../../../ffi/file_lock.ts";
import { readProc } from "../../../ffi/proc.ts";
import type { Name } from "../process_system.ts";
import { hasOwnProc } from "./processes.ts";

/** The process of a thread. */
export function processOfThread(tid: number): number | null {
  if (!hasOwnProc()) return null;
  const threadGroup = read(`/proc/${tid}/status`)?.match(/^Tgid:\s*(\d+)$/m);
  return threadGroup ? Number(threadGroup[1]) : null;
}

/**
 * The process of a thread, if it has the token: in another namespace the number may mean another
 * thread.
 */
export function processWithToken(tid: number, { number, fingerprint }: Name): number | null {
  const pid = processOfThread(tid);
  if (pid === null) return null;
  const byte = byteOf(number, fingerprint);
  const line = new RegExp(`^lock:.*OFDLCK.* ${byte} ${byte}$`, "m");
  const directory = `/proc/${pid}/fdinfo`;
  const hasIt = silently(() => listDirectory(directory))?.some((fd) =>
    read(`${directory}/${fd}`)?.match(line)
  );
  return hasIt ? pid : null;
}

function read(path: string): string | undefined {
  return silently(() => readProc(path));
}

/** Undefined if /proc does not tell: the process is gone, or hidden from this user. */
function silently<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (isSystemError(error)) return undefined;
    throw error;
  }
}
