/** Linux's objects: files, memfds, and open objects of other processes. */

import { checkCount, systemError } from "../../../ffi/call.ts";
import {
  F_ADD_SEALS,
  F_GET_SEALS,
  F_SEAL_FUTURE_WRITE,
  F_SEAL_SHRINK,
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
  SECRETMEM_MAGIC,
} from "../../../ffi/constants.ts";
import { EPERM } from "../../../ffi/errno.ts";
import { close, ftruncate, memfd_create } from "../../../ffi/file_calls.ts";
import { libc, threadErrno } from "../../../ffi/libc.ts";
import { readLink } from "../../../ffi/proc.ts";
import { fileSystemOf, statusOf } from "../../../ffi/status.ts";
import type { ObjectStatus, ObjectSystem, OpenObject, Seals } from "../object_system.ts";
import { posixObjects } from "../posix/objects.ts";
import { cacheZeros } from "../posix/size.ts";
import { openOfProcess } from "./other_process.ts";

export const objects: ObjectSystem = {
  ...posixObjects,
  anonymous,
  cacheZeros,
  checkGuardable,
  checkMayShrink,
  isPathless,
  openOfProcess,
  pathOf,
  pathsOf,
  seal,
};

function pathOf(object: OpenObject): string {
  return readLink(`/proc/self/fd/${object}`);
}

function pathsOf(object: OpenObject): readonly string[] {
  const target = pathOf(object);
  if (!target.startsWith("/") || target.startsWith("/memfd:")) return [];
  // The file was removed, or its name really ends like that.
  const path = target.replace(/ \(deleted\)$/, "");
  return path === target ? [target] : [target, path];
}

/** A memfd of `byteLength` zero bytes. */
function anonymous(label: string, byteLength: number): OpenObject {
  const fd = memfd_create(label, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  try {
    ftruncate(fd, byteLength);
    return fd as OpenObject;
  } catch (error) {
    close(fd);
    throw error;
  }
}

let device: number | undefined;

/**
 * Whether this is memory without a path: a memfd, on the kernel's internal file system that nobody
 * can mount.
 */
function isPathless(status: ObjectStatus): boolean {
  return status.device === (device ??= deviceOfMemory());
}

function deviceOfMemory(): number {
  const fd = memfd_create("", MFD_CLOEXEC);
  try {
    return statusOf(fd).device;
  } finally {
    close(fd);
  }
}

/** Seals a memfd. */
export function seal(object: OpenObject, { shrink, write }: Seals): void {
  const seals = (shrink ? F_SEAL_SHRINK : 0) | (write ? F_SEAL_FUTURE_WRITE : 0);
  if (seals !== 0) {
    checkCount(libc().fcntl(object, F_ADD_SEALS, BigInt(seals)), threadErrno[0]!, "fcntl");
  }
}

/** @throws {Deno.errors.PermissionDenied} EPERM: the object is sealed against shrinking. */
function checkMayShrink(object: OpenObject): void {
  const seals = libc().fcntl(object, F_GET_SEALS, 0n); // -1: an object that cannot be sealed
  if (seals !== -1 && (seals & F_SEAL_SHRINK) !== 0) throw systemError(EPERM, "ftruncate");
}

/**
 * Refuses memory of `memfd_secret`: the kernel itself has no access to it, so its pages cannot be
 * inspected, copied or replaced without the risk of a signal.
 *
 * @throws {Deno.errors.NotSupported}
 */
function checkGuardable(object: OpenObject): void {
  if (fileSystemOf(object)?.type !== SECRETMEM_MAGIC) return;
  throw new Deno.errors.NotSupported(
    "Cannot map descriptor as it leads to memfd_secret memory: its faults cannot be absorbed",
  );
}
