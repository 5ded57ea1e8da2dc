/**
 * Processes and threads. A thread's word has its number, which has at most 30 bits and is a multiple of
 * 4; its fingerprint is a hash of the moment when it began, never 0. So a number that is used again is
 * not taken for the thread that had it before.
 */

import { ERROR_INVALID_PARAMETER } from "../../../ffi/windows/errors.ts";
import {
  fromWide,
  lastError,
  newStruct,
  SELF,
  THIS_THREAD,
  wide,
  type Windows,
  windows,
} from "../../../ffi/windows/library.ts";
import type { Name, ProcessIdentity, ProcessSystem } from "../system.ts";
import { close, nanosecondsOf } from "./files.ts";

const SYNCHRONIZE = 0x100000;
const PROCESS_QUERY_LIMITED_INFORMATION = 0x1000;
const THREAD_QUERY_LIMITED_INFORMATION = 0x800;
const WAIT_OBJECT_0 = 0;

let self: ProcessIdentity | undefined;

/** See `ProcessSystem.own`. Start times count microseconds from 1970: they need no boot. */
export function own(): ProcessIdentity {
  return self ??= { pid: Deno.pid, startTime: startOf("GetProcessTimes", SELF).at, bootId: "" };
}

/** When a process or thread began: in microseconds since 1970, and all of its bits. */
function startOf(
  call: "GetProcessTimes" | "GetThreadTimes",
  handle: bigint,
): { at: number; exact: bigint } {
  const { bytes, view } = newStruct(8);
  const unused = new Uint8Array(8);
  windows()[call](handle, bytes, unused, unused, unused);
  const exact = view.getBigUint64(0, true);
  return { at: Number(nanosecondsOf(exact) / 1000n), exact };
}

/**
 * Opens a process or thread.
 *
 * @returns undefined if there is none; "hidden" if it cannot be looked at: it is not this user's to
 * see, or there is no memory for a handle
 */
function openBy(
  call: keyof Pick<Windows, "OpenProcess" | "OpenThread">,
  access: number,
  number: number,
): number | "hidden" | undefined {
  const handle = windows()[call](access, 0, number);
  if (handle !== 0) return handle;
  return lastError[0] === ERROR_INVALID_PARAMETER ? undefined : "hidden";
}

/** Whether what a handle leads to has ended. */
export function hasEnded(handle: number): boolean {
  return windows().WaitForSingleObject(BigInt(handle), 0) === WAIT_OBJECT_0;
}

/** Whether the very process is still there. A number is also there while others know the process. */
export function isThere({ pid, startTime }: Pick<ProcessIdentity, "pid" | "startTime">): boolean {
  const handle = openBy("OpenProcess", PROCESS_QUERY_LIMITED_INFORMATION | SYNCHRONIZE, pid);
  if (handle === undefined) return false;
  if (handle === "hidden") return true;
  try {
    return !hasEnded(handle) && startOf("GetProcessTimes", BigInt(handle)).at === startTime;
  } finally {
    close(handle);
  }
}

let thread: Name | undefined;

function ownThread(): Name {
  return thread ??= {
    number: windows().GetCurrentThreadId(),
    fingerprint: fingerprintOf(THIS_THREAD),
  };
}

function fingerprintOf(thread: bigint): number {
  const { exact } = startOf("GetThreadTimes", thread);
  const hash = Math.imul(Number(exact & 0xffffffffn) ^ Number(exact >> 32n), 0x9e3779b1);
  return hash | 0 || 1;
}

const THREAD_ACCESS = THREAD_QUERY_LIMITED_INFORMATION | SYNCHRONIZE;

/** A thread's handle; undefined if there is none, "hidden" if it cannot be looked at. */
export function openThread(number: number): number | "hidden" | undefined {
  return openBy("OpenThread", THREAD_ACCESS, number);
}

/** See `ProcessSystem.isDead`. */
function isDead(number: number, fingerprint: number): boolean {
  const handle = openThread(number);
  if (handle === undefined) return true;
  if (handle === "hidden") return false;
  try {
    if (hasEnded(handle)) return true;
    return fingerprint !== 0 && fingerprintOf(BigInt(handle)) !== fingerprint;
  } finally {
    close(handle);
  }
}

/** See `ProcessSystem.processOfThread`. */
export function processOfThread(tid: number): number | null {
  const handle = openThread(tid);
  if (typeof handle !== "number") return null;
  try {
    return windows().GetProcessIdOfThread(BigInt(handle)) || null;
  } finally {
    close(handle);
  }
}

/** See `ProcessSystem.variable`. */
function variable(name: string): string | undefined {
  const { GetEnvironmentVariableW } = windows();
  for (let size = 1024;;) {
    const value = newStruct(2 * size);
    const length = GetEnvironmentVariableW(wide(name), value.bytes, size);
    if (length === 0) return lastError[0] === 0 ? "" : undefined;
    if (length < size) return fromWide(value, length);
    size = length;
  }
}

export const processes: ProcessSystem = {
  own,
  boot: () => "",
  pidNamespace: () => 0,
  variable,
  thread: ownThread,
  threadOf: (number) => {
    const pid = processOfThread(number);
    return { tid: number, isOwnNamespace: true, ...(pid === null ? {} : { pid }) };
  },
  isDead,
  checkComparable: () => {},
  processOfThread,
};
