/** Who a process is and which object a descriptor leads to, beyond numbers that are used again. */

import { cString } from "../../ffi/arguments.ts";
import { isSystemError } from "../../ffi/call.ts";
import { lastErrno } from "../../ffi/errno.ts";
import { libc } from "../../ffi/libc.ts";
import { readProc } from "../../ffi/proc.ts";
import { platform } from "../../ffi/platform.ts";
import { threadId } from "../../ffi/thread.ts";
import { inodeAt } from "../../ffi/status.ts";

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

/** When a process or thread started; undefined if there is none of that number, or it has ended. */
export function startTimeOf(pid: number): number | undefined {
  if (platform().os !== "linux") return 0;
  const stat = tryReadStat(pid);
  return stat === undefined || hasEnded(stat.state) ? undefined : stat.startTime;
}

/** A zombie has ended; its parent has not asked yet. */
function hasEnded(state: string): boolean {
  return state === "Z" || state === "X";
}

/** Of /proc/PID/stat; undefined if there is no such process, or it is hidden from this user. */
function tryReadStat(pid: number): { state: string; startTime: number } | undefined {
  try {
    const stat = readProc(`/proc/${pid}/stat`);
    // The second field is the command in parentheses, which may hold anything; the third is the
    // state, the 22nd the start time.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0]!, startTime: Number(fields[19]) };
  } catch (error) {
    // ESRCH: it ended between the opening and the reading.
    const gone = ["ENOENT", "ESRCH", "EACCES", "EPERM"];
    if (isSystemError(error) && gone.includes(error.code)) return undefined;
    throw error;
  }
}

/** What was found out about a process, and its entry in /proc. */
interface KnownProcess {
  /** "/proc/PID" for C. */
  readonly path: Uint8Array<ArrayBuffer>;
  readonly inode: bigint;
  readonly startTime: number;
}

const known = new Map<number, KnownProcess>();
const MAX_KNOWN = 256;

/**
 * As {@linkcode startTimeOf}, but quicker for a process that was asked about before: its entry in
 * /proc has the same inode number only as long as it is the same process.
 */
export function startTimeAgain(pid: number): number | undefined {
  if (platform().os !== "linux") return 0;
  const before = known.get(pid);
  if (before !== undefined && inodeAt(before.path) === before.inode) return before.startTime;
  known.delete(pid);
  const path = cString(`/proc/${pid}`, "pathname", "statx");
  const inode = inodeAt(path);
  const startTime = startTimeOf(pid);
  // Looked at before and after: of two processes, nothing may be kept as if they were one.
  if (inode !== undefined && startTime !== undefined && inodeAt(path) === inode) {
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(pid, { path, inode, startTime });
  }
  return startTime;
}

/** The identity of this boot of the machine. */
export function bootId(): string {
  return platform().os === "linux" ? readProc("/proc/sys/kernel/random/boot_id").trim() : "";
}

/**
 * Who holds a lock: one thread, which is one isolate, since Deno gives each Worker a thread of its
 * own. Small enough for two 32-bit words.
 */
interface ThreadIdentity {
  /** The thread's number, at most 30 bits; the main thread's is the process's. */
  readonly tid: number;
  /** Of the thread's start time and the boot; never 0. Tells it from others of its number. */
  readonly fingerprint: number;
}

let thread: ThreadIdentity | undefined;

/** This isolate's thread. */
export function ownThread(): ThreadIdentity {
  return thread ??= readOwnThread();
}

function readOwnThread(): ThreadIdentity {
  // macOS numbers threads with 64 bits and has no /proc: there a Worker counts as its process.
  if (platform().os !== "linux") return { tid: Deno.pid, fingerprint: 1 };
  const tid = threadId();
  return { tid, fingerprint: fingerprintOf(startTimeOf(tid) ?? 0) };
}

/** FNV-1a over the start time and the boot's identity; 0 is left for "not known". */
function fingerprintOf(startTime: number): number {
  let hash = 0x811c9dc5;
  for (const character of `${startTime} ${ownIdentity().bootId}`) {
    hash = Math.imul(hash ^ character.codePointAt(0)!, 0x01000193);
  }
  return hash === 0 ? 1 : hash;
}

const ESRCH = 3;

/**
 * Whether a thread is dead for sure. A stopped or slow one is not, nor one that cannot be looked at.
 *
 * @param fingerprint 0 if it is not known: then any thread of that number counts as the one
 */
export function isDead(tid: number, fingerprint: number): boolean {
  const { kill } = libc();
  if (kill(tid, 0) !== 0 && lastErrno() === ESRCH) return true;
  if (platform().os !== "linux") return false;
  const stat = tryReadStat(tid);
  if (stat === undefined) return false;
  if (hasEnded(stat.state)) return true;
  return fingerprint !== 0 && fingerprintOf(stat.startTime) !== fingerprint;
}
