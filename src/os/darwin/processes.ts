/**
 * Processes and threads, as `proc_pidinfo` tells of them. There are no PID namespaces, and this user's
 * processes alone can be looked at: those of others are never taken for dead while they are there.
 *
 * Threads know each other by their numbers. Those have 64 bits, and are not used again until the machine
 * is restarted; a word has room for the process and a part:
 *
 * | word | bits | what |
 * |---|---|---|
 * | number | 0-16 | the process: numbers end at 99999 |
 * | | 17-29 | 0 for the main thread; otherwise the low bits of the thread's number, or 1 for 0 |
 * | fingerprint | 0-31 | a hash of the thread's number and the process's start, never 0 |
 */

import {
  bootSession,
  startTimeOfProcess,
  threadNumber,
  threadsOfProcess,
} from "../../../ffi/darwin.ts";
import { ESRCH } from "../../../ffi/errno.ts";
import { libc, threadErrno } from "../../../ffi/libc.ts";
import { getenv } from "../../../ffi/proc.ts";
import type { Name, ProcessIdentity, ProcessSystem } from "../process_system.ts";

let self: ProcessIdentity | undefined;

function own(): ProcessIdentity {
  return self ??= {
    pid: Deno.pid,
    startTime: startTimeOfProcess(Deno.pid) ?? 0,
    bootId: boot(),
  };
}

let knownBoot: string | undefined;

function boot(): string {
  return knownBoot ??= bootSession();
}

/** Whether the very process is still there, and not another one of its number. */
export function isThere({ pid, startTime, bootId }: ProcessIdentity): boolean {
  if (bootId !== boot()) return false;
  const started = startTimeOfProcess(pid);
  return started === undefined
    ? libc().kill(pid, 0) === 0 || threadErrno[0] !== ESRCH
    : started === startTime;
}

const PID_BITS = 17;
const PID_MASK = 2 ** PID_BITS - 1;
const PART_MASK = 0x1fffn;

let thread: Name | undefined;

function ownThread(): Name {
  return thread ??= readOwnThread();
}

function readOwnThread(): Name {
  const number = threadNumber();
  const part = partOf(number, threadsOfProcess(Deno.pid) ?? new BigUint64Array(0));
  return {
    number: Deno.pid | part << PID_BITS,
    fingerprint: fingerprintOf(number, own().startTime),
  };
}

/** What of a thread's number stands in its word. The main thread is the first that a process has. */
function partOf(number: bigint, all: BigUint64Array): number {
  return all.some((other) => other < number) ? Number(number & PART_MASK) || 1 : 0;
}

/** FNV-1a. */
function fingerprintOf(thread: bigint, startTime: number): number {
  let hash = 0x811c9dc5;
  for (const character of `${thread} ${startTime}`) {
    hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
  }
  return hash || 1;
}

/** See `ProcessSystem.isDead`. A zombie has no threads any more. */
function isDead(number: number, fingerprint: number): boolean {
  const pid = number & PID_MASK;
  if (libc().kill(pid, 0) !== 0) return threadErrno[0] === ESRCH;
  const all = threadsOfProcess(pid);
  const startTime = startTimeOfProcess(pid);
  if (all === undefined || startTime === undefined) return false;
  const part = number >>> PID_BITS;
  return !all.some((thread) =>
    partOf(thread, all) === part &&
    (fingerprint === 0 || fingerprintOf(thread, startTime) === fingerprint)
  );
}

export const processes: ProcessSystem = {
  own,
  boot,
  pidNamespace: () => 0,
  variable: getenv,
  thread: ownThread,
  threadOf: (number) => {
    const pid = number & PID_MASK;
    return { tid: number > PID_MASK ? number : pid, pid, isOwnNamespace: true };
  },
  isDead,
  checkComparable: () => {},
  processOfThread: (tid) => tid & PID_MASK,
};
