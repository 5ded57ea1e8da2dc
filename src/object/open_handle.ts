/** From a handle to an open descriptor of the very object that it names. */

import { isSystemError } from "../../ffi/call.ts";
import { O_CLOEXEC, O_RDONLY, O_RDWR } from "../../ffi/constants.ts";
import { close } from "../../ffi/file_calls.ts";
import { openDescriptorOf } from "../../ffi/proc.ts";
import { type FileStatus, statusOf } from "../../ffi/status.ts";
import { platform } from "../../ffi/platform.ts";
import { isObjectOf, type RegionHandle } from "./handle.ts";
import { ownIdentity, startTimeAgain, startTimeOf } from "./identity.ts";
import { isPathless } from "./memfd.ts";
import { openPatiently } from "./open_file.ts";
import { nameOf, pathOfName } from "./shared_memory.ts";
import { checkDescriptorDenied } from "./permission.ts";

/**
 * Opens a handle's object: a file by its path, anything else through the owner's descriptor.
 *
 * @returns a descriptor of that object and no other
 * @throws {Deno.errors.NotFound} If the object cannot be reached: its owner has ended or closed it,
 * the path leads to another file, or the machine was restarted.
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
  checkOwner(handle);
  const { pid, fd } = handle;
  const found = (() => {
    try {
      const open = (flags: number): number => openDescriptorOf(pid, fd, flags);
      return verified(handle, openPatiently(`/proc/${pid}/fd/${fd}`, openFlags(writable), open));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      if (startTimeOf(pid) === undefined) throw ended(pid); // meanwhile, or it is a zombie
      throw unreachable(`process ${pid} has closed its descriptor ${fd}`);
    }
  })();
  if (found !== undefined) return found;
  throw unreachable(`descriptor ${fd} of process ${pid} is another file by now`);
}

function checkOwner({ pid, startTime, bootId: boot }: RegionHandle): void {
  if (platform().os !== "linux") {
    throw new Deno.errors.NotSupported(
      `Cannot attach to region: ${platform().os} has no way to open another process's descriptor`,
    );
  }
  if (boot !== ownIdentity().bootId) {
    throw unreachable("it is from another boot of this or another machine");
  }
  const started = startTimeAgain(pid);
  if (started === undefined) throw ended(pid);
  if (started !== startTime) throw unreachable(`process ${pid} is another one by now`);
}

/** @throws {RangeError} If the object is shorter than the region was. */
export function checkSize({ byteOffset, byteLength }: RegionHandle, status: FileStatus): void {
  if (status.type !== "file" || byteOffset + byteLength <= status.byteLength) return;
  throw new RangeError(
    `Cannot attach to region as its object is shorter by now: ` +
      `${status.byteLength} bytes, and the region ends at ${byteOffset + byteLength}`,
  );
}

function ended(pid: number): Error {
  return unreachable(`process ${pid}, which holds it, has ended`);
}

function unreachable(state: string): Error {
  return new Deno.errors.NotFound(`Cannot attach to region: ${state}`);
}
