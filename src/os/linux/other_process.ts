/** What /proc shows about other processes: their open objects, and the holders of tokens. */

import { cString } from "../../../ffi/arguments.ts";
import { isSystemError } from "../../../ffi/call.ts";
import { close } from "../../../ffi/file_calls.ts";
import { byteOf } from "../../../ffi/file_lock.ts";
import { listDirectory, openDescriptorOf, readProc } from "../../../ffi/proc.ts";
import { inodeAt, statusOf, statusOfPath } from "../../../ffi/status.ts";
import type { ObjectStatus, OpenedObject, OtherProcess } from "../object_system.ts";
import type { Name } from "../process_system.ts";
import { openPatiently } from "../posix/files.ts";
import {
  hasOwnProc,
  isNobody,
  ownNamespaces,
  placeOf,
  startTimeAgain,
  startTimeOf,
} from "./processes.ts";

/**
 * Opens an object that another process has open.
 *
 * @param isIt whether an object is the wanted one
 * @throws {Deno.errors.NotFound} If the process has ended, or has closed the object.
 * @throws {Deno.errors.NotSupported} If the process is in another PID namespace.
 * @throws {Deno.errors.PermissionDenied} If /proc does not show it, or this user has no right to it.
 */
export function openOfProcess(
  other: OtherProcess,
  isIt: (status: ObjectStatus) => boolean,
  writable: boolean,
): OpenedObject {
  const isSame = checkOwner(other);
  const { pid, fd } = other;
  const path = `/proc/${pid}/fd/${fd}`;
  try {
    // The object is checked before it is opened, unless the owner is known: opening an unknown file
    // may have side effects.
    if (isSame || isIt(statusOfPath(path))) {
      const object = openPatiently(path, { writable }, (flags) => openDescriptorOf(pid, fd, flags));
      const status = statusOf(object);
      if (isIt(status)) return { object, status };
      close(object);
    }
  } catch (error) {
    const isOther = !placeOf(other.bootId).pids && error instanceof Deno.errors.PermissionDenied;
    if (!isOther && !(error instanceof Deno.errors.NotFound)) throw error;
    throw whyNot(other, `process ${pid} has closed its descriptor ${fd}`);
  }
  throw whyNot(other, `descriptor ${fd} of process ${pid} leads to another file now`);
}

/**
 * @returns whether the process of that number is the owner; false if that is not known
 * @throws if the owner is certainly gone
 */
function checkOwner(other: OtherProcess): boolean {
  const { boot, pids, times } = placeOf(other.bootId);
  if (!boot) throw unreachable("it was made before a reboot or on another machine");
  // Start times count from the beginning of a time namespace, and numbers belong to a PID
  // namespace.
  if (!pids || !times || !hasOwnProc()) return false;
  const { pid } = other;
  const started = startTimeAgain(pid);
  if (started === undefined) throw whyNot(other, "");
  if (started !== other.startTime) throw unreachable(`process ${pid} is another process now`);
  return true;
}

/**
 * The error for a descriptor that is not there: NotFound only if the owner or its descriptor is
 * gone.
 */
function whyNot({ pid, bootId }: OtherProcess, state: string): Error {
  const shown = hasOwnProc() && inodeAt(cString(`/proc/${pid}`, "pathname", "statx")) !== undefined;
  if (ownNamespaces().pid === "") {
    return new Deno.errors.NotSupported(
      `Cannot attach to region: there is no /proc here to reach process ${pid}, which holds it; ` +
        `sendRegion() works without it`,
    );
  }
  if (!placeOf(bootId).pids) {
    return new Deno.errors.NotSupported(
      `Cannot attach to region: process ${pid}, which holds it, is in another PID namespace; ` +
        `sendRegion() reaches it there`,
    );
  }
  if (isNobody(pid)) return unreachable(`process ${pid}, which holds it, has ended`);
  if (!shown) {
    return new Deno.errors.PermissionDenied(
      `Cannot attach to region: /proc does not show process ${pid}, which holds it; ` +
        `sendRegion() works without it`,
    );
  }
  // It ended meanwhile, or it is a zombie.
  if (startTimeOf(pid) === undefined) {
    return unreachable(`process ${pid}, which holds it, has ended`);
  }
  return unreachable(state);
}

function unreachable(state: string): Error {
  return new Deno.errors.NotFound(`Cannot attach to region: ${state}`);
}

/*
 * Which process a holder belongs to. For showing only: nothing is decided by it, and where /proc is
 * another PID namespace's, or does not show that process, there is no answer.
 */

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
