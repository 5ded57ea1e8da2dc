/** From a handle to an open descriptor of the very object that it names. */

import { cString } from "../../ffi/arguments.ts";
import { isSystemError } from "../../ffi/call.ts";
import { O_CLOEXEC, O_RDONLY, O_RDWR } from "../../ffi/constants.ts";
import { close } from "../../ffi/file_calls.ts";
import { openDescriptorOf } from "../../ffi/proc.ts";
import { type FileStatus, inodeAt, statusOf, statusOfPath } from "../../ffi/status.ts";
import { platform } from "../../ffi/platform.ts";
import { isObjectOf, placeOf, type RegionHandle } from "./handle.ts";
import { hasOwnProc, isNobody, ownNamespaces, startTimeAgain, startTimeOf } from "./identity.ts";
import { isPathless } from "./memfd.ts";
import { openPatiently } from "./open_file.ts";
import { nameOf, pathOfName } from "./shared_memory.ts";
import { checkDescriptorDenied } from "./permission.ts";

/**
 * Opens a handle's object: a file by its path, anything else through the owner's descriptor.
 *
 * @returns a descriptor of that object and no other
 * @throws {Deno.errors.NotFound} If the object is gone: its owner has ended or closed it, the path
 * leads to another file, or the machine was restarted.
 * @throws {Deno.errors.NotSupported} If its owner is in another PID namespace, and no path leads to it.
 * @throws {Deno.errors.PermissionDenied} If /proc does not show its owner (hidepid).
 * @throws {Deno.errors.PermissionDenied} EACCES: this user has no right to it.
 * @throws {Deno.errors.NotCapable} If the program runs with that file denied.
 * @throws {RangeError} If the object is shorter by now than the region was.
 */
export function openHandle(handle: RegionHandle, writable: boolean): number {
  const { fd, status } = openByPath(handle, writable) ?? openByOwner(handle, writable);
  try {
    if (!isPathless(status)) checkDescriptorDenied(fd, writable);
    checkSize(handle, status);
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

/** An open descriptor of a handle's object, and what it was at that moment. */
interface Opened {
  readonly fd: number;
  readonly status: FileStatus;
}

function openFlags(writable: boolean): number {
  return (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC;
}

/** Undefined if there is no path, or it leads nowhere or elsewhere. */
function openByPath(handle: RegionHandle, writable: boolean): Opened | undefined {
  if (handle.path === "" || handle.kind === "anonymous") return undefined;
  const path = handle.kind === "named" ? pathOfName(nameOf(handle.path)) : handle.path;
  try {
    return verified(handle, openPatiently(path, openFlags(writable)));
  } catch (error) {
    if (isSystemError(error) && LEADS_ELSEWHERE.includes(error.code)) return undefined;
    throw error;
  }
}

/** What `open` says where nothing or another kind of file is in the way by now. */
const LEADS_ELSEWHERE = ["ENOENT", "ENOTDIR", "ELOOP", "EISDIR", "ENXIO"];

/** Closes what is another object. */
function verified(handle: RegionHandle, fd: number): Opened | undefined {
  const status = statusOf(fd);
  if (isObjectOf(handle, status)) return { fd, status };
  close(fd);
  return undefined;
}

function openByOwner(handle: RegionHandle, writable: boolean): Opened {
  const isSame = checkOwner(handle);
  const { pid, fd } = handle;
  const path = `/proc/${pid}/fd/${fd}`;
  try {
    // If need be it is looked at before it is opened: to open whatever it is could do anything.
    const open = (flags: number): number => openDescriptorOf(pid, fd, flags);
    const found = isSame || isObjectOf(handle, statusOfPath(path))
      ? verified(handle, openPatiently(path, openFlags(writable), open))
      : undefined;
    if (found !== undefined) return found;
  } catch (error) {
    const isOther = !placeOf(handle).pids && error instanceof Deno.errors.PermissionDenied;
    if (!isOther && !(error instanceof Deno.errors.NotFound)) throw error;
    throw whyNot(handle, `process ${pid} has closed its descriptor ${fd}`);
  }
  throw whyNot(handle, `descriptor ${fd} of process ${pid} is another file by now`);
}

/**
 * @returns whether the process of that number is the owner; false if that cannot be told
 * @throws if the owner is gone for sure
 */
function checkOwner(handle: RegionHandle): boolean {
  if (platform().os !== "linux") {
    throw new Deno.errors.NotSupported(
      `Cannot attach to region: ${platform().os} has no way to open another process's descriptor`,
    );
  }
  const { boot, pids, times } = placeOf(handle);
  if (!boot) throw unreachable("it is from another boot of this or another machine");
  // Start times are told from the beginning of a time namespace, and numbers are of a PID namespace.
  if (!pids || !times || !hasOwnProc()) return false;
  const { pid } = handle;
  const started = startTimeAgain(pid);
  if (started === undefined) throw whyNot(handle, "");
  if (started !== handle.startTime) throw unreachable(`process ${pid} is another one by now`);
  return true;
}

/** Why the owner's descriptor is not there: NotFound only where the owner, or the descriptor, is gone. */
function whyNot(handle: RegionHandle, state: string): Error {
  const { pid } = handle;
  const shown = hasOwnProc() && inodeAt(cString(`/proc/${pid}`, "pathname", "statx")) !== undefined;
  if (ownNamespaces().pid === "") {
    return new Deno.errors.NotSupported(
      `Cannot attach to region: there is no /proc here to reach process ${pid}, which holds it; ` +
        `sendRegion() needs none`,
    );
  }
  if (!placeOf(handle).pids) {
    return new Deno.errors.NotSupported(
      `Cannot attach to region: process ${pid}, which holds it, is in another PID namespace; ` +
        `sendRegion() reaches it there`,
    );
  }
  if (isNobody(pid)) return unreachable(`process ${pid}, which holds it, has ended`);
  if (!shown) {
    return new Deno.errors.PermissionDenied(
      `Cannot attach to region: /proc does not show process ${pid}, which holds it; ` +
        `sendRegion() does without`,
    );
  }
  // Meanwhile, or it is a zombie.
  if (startTimeOf(pid) === undefined) {
    return unreachable(`process ${pid}, which holds it, has ended`);
  }
  return unreachable(state);
}

/** @throws {RangeError} If the object is shorter than the region was. */
export function checkSize({ byteOffset, byteLength }: RegionHandle, status: FileStatus): void {
  if (status.type !== "file" || byteOffset + byteLength <= status.byteLength) return;
  throw new RangeError(
    `Cannot attach to region as its object is shorter by now: ` +
      `${status.byteLength} bytes, and the region ends at ${byteOffset + byteLength}`,
  );
}

function unreachable(state: string): Error {
  return new Deno.errors.NotFound(`Cannot attach to region: ${state}`);
}
