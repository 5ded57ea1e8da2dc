/**
 * Identifies processes and threads by more than their numbers, which are reused, and tells which
 * have ended.
 */

import { cString } from "../../../ffi/arguments.ts";
import { isSystemError } from "../../../ffi/call.ts";
import { ESRCH } from "../../../ffi/errno.ts";
import { libc, threadErrno } from "../../../ffi/libc.ts";
import { readLink, readProc } from "../../../ffi/proc.ts";
import { inodeAt } from "../../../ffi/status.ts";
import { threadId } from "../../../ffi/thread.ts";
import type { Name, ProcessIdentity } from "../process_system.ts";

let self: ProcessIdentity | undefined;

/** This process. Its start time counts clock ticks since the boot. */
export function own(): ProcessIdentity {
  return self ??= { pid: Deno.pid, startTime: startTimeOf(Deno.pid) ?? 0, bootId: ownPlace() };
}

/** The boot and the namespaces that the numbers of this process refer to. */
function ownPlace(): string {
  const { pid, time } = ownNamespaces();
  return [boot(), pid, time].join(" ");
}

/** Which of the boot and the namespaces of a process are also this one's. */
export function placeOf(bootId: string): { boot: boolean; pids: boolean; times: boolean } {
  const [itsBoot, pid, time] = bootId.split(" ");
  const { pid: ownPid, time: ownTime } = ownNamespaces();
  // Without /proc, this process's own boot and namespaces are not known.
  return {
    boot: boot() === "" || itsBoot === boot(),
    pids: ownPid !== "" && pid === ownPid,
    times: time === ownTime,
  };
}

/** When a process or thread started; undefined if no process has that number, or it has ended. */
export function startTimeOf(pid: number): number | undefined {
  const stat = tryReadStat(pid);
  return stat === undefined || hasEnded(stat.state) ? undefined : stat.startTime;
}

/** A zombie has ended, but its parent has not waited for it yet. */
function hasEnded(state: string): boolean {
  return state === "Z" || state === "X";
}

/** Reads /proc/PID/stat; undefined if there is no such process, or it is hidden from this user. */
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

/** The known facts about a process, and its entry in /proc. */
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
  const before = known.get(pid);
  if (before !== undefined && inodeAt(before.path) === before.inode) return before.startTime;
  known.delete(pid);
  const path = cString(`/proc/${pid}`, "pathname", "statx");
  const inode = inodeAt(path);
  const startTime = startTimeOf(pid);
  // The inode is read before and after, so that facts of two processes are never mixed.
  if (inode !== undefined && startTime !== undefined && inodeAt(path) === inode) {
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(pid, { path, inode, startTime });
  }
  return startTime;
}

let knownBoot: string | undefined;

/** The identity of this boot of the machine; "" if /proc does not say. */
export function boot(): string {
  return knownBoot ??= readBoot();
}

function readBoot(): string {
  try {
    return readProc("/proc/sys/kernel/random/boot_id").trim();
  } catch {
    return ""; // no /proc
  }
}

/** The number of this process's PID namespace; 0 if /proc does not say. */
export function pidNamespace(): number {
  return Number(ownNamespaces().pid.match(/\d+/)?.[0] ?? 0) | 0;
}

/** The namespaces that process numbers and start times refer to; "" if /proc does not say. */
interface Namespaces {
  readonly pid: string;
  readonly time: string;
}

let namespaces: Namespaces | undefined;

/** The namespaces of this process. */
export function ownNamespaces(): Namespaces {
  return namespaces ??= { pid: namespaceOf("pid"), time: namespaceOf("time") };
}

/** A namespace of this process, such as "pid:[4026531836]". */
function namespaceOf(type: string): string {
  try {
    return readLink(`/proc/self/ns/${type}`);
  } catch {
    return ""; // no /proc, or an old kernel
  }
}

let procIsOwn: boolean | undefined;

/** Whether /proc exists and shows this process's PID namespace, not an outer one. */
export function hasOwnProc(): boolean {
  return procIsOwn ??= (() => {
    try {
      const [, numbers] = readProc("/proc/self/status").match(/^NSpid:\s*(.*)$/m)!;
      return numbers === `${Deno.pid}`;
    } catch {
      return false;
    }
  })();
}

/*
 * Threads that are identified by their numbers: in memory of a single process, and on file systems
 * without the locks of `token.ts`.
 *
 * | word | bits | what |
 * |---|---|---|
 * | number | 0-21 | the thread's number; the main thread's is the process's |
 * | | 22-29 | a hash of the PID namespace |
 * | fingerprint | 0-19 | a hash of the thread's start time and the boot, never 0 |
 * | | 20-31 | a hash of the PID and the time namespace |
 *
 * Threads of other namespaces never count as dead.
 */

const TID_MASK = 0x3fffff;

let thread: Name | undefined;

/** This isolate's thread: Deno gives each Worker one of its own. */
export function ownThread(): Name {
  return thread ??= readOwnThread();
}

function readOwnThread(): Name {
  const tid = threadId();
  const startTime = hasOwnProc() ? startTimeOf(tid) ?? 0 : 0;
  return { number: numberOf(tid), fingerprint: fingerprintOf(startTime) };
}

function numberOf(tid: number): number {
  return tid | (hash(ownNamespaces().pid) & 0xff) << 22;
}

/** The thread's number in its own namespace, and whether that seems to be this one's. */
export function threadOf(number: number): { tid: number; isOwnNamespace: boolean } {
  const tid = number & TID_MASK;
  return { tid, isOwnNamespace: numberOf(tid) === number };
}

function fingerprintOf(startTime: number): number {
  const { pid, time } = ownNamespaces();
  return (hash(`${startTime} ${boot()}`) & 0xfffff || 1) |
    hash(`${pid} ${time}`) << 20;
}

/** FNV-1a. */
function hash(text: string): number {
  let hash = 0x811c9dc5;
  for (const character of text) {
    hash = Math.imul(hash ^ character.codePointAt(0)!, 0x01000193);
  }
  return hash;
}

/**
 * Checks memory that several processes share.
 *
 * @throws {Deno.errors.NotSupported} If threads of this process cannot be told from those of
 * others.
 */
export function checkComparable(): void {
  if (ownNamespaces().pid !== "") return;
  throw new Deno.errors.NotSupported(
    "Cannot use locks: this file system has no open file description locks (fcntl), and " +
      "without /proc nothing else shows which holders are alive",
  );
}

/**
 * Whether a thread is certainly dead. A stopped, slow or hidden thread is not.
 *
 * @param fingerprint 0 if it is not known: then any living thread of that number counts
 */
export function isDead(number: number, fingerprint: number): boolean {
  const tid = number & TID_MASK;
  if (numberOf(tid) !== number) return false;
  const own = fingerprintOf(0);
  if (fingerprint !== 0 && fingerprint >>> 20 !== own >>> 20) return false;
  if (isNobody(tid)) return true;
  if (!hasOwnProc()) return false;
  const stat = tryReadStat(tid);
  if (stat === undefined) return false;
  if (hasEnded(stat.state)) return true;
  return fingerprint !== 0 && fingerprintOf(stat.startTime) !== fingerprint;
}

/** Whether no process or thread has that number here. */
export function isNobody(pid: number): boolean {
  return libc().kill(pid, 0) !== 0 && threadErrno[0]! === ESRCH;
}
