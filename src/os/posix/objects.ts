/** The object verbs of every system that has descriptors. */

import { checkZero, isSystemError } from "../../../ffi/call.ts";
import { HUGETLBFS_MAGIC, LOCK_EX, LOCK_NB, LOCK_UN } from "../../../ffi/constants.ts";
import { close, pageSize } from "../../../ffi/file_calls.ts";
import { lockAgainstWindows, unlockAgainstWindows } from "../../../ffi/file_lock.ts";
import { libc, threadErrno } from "../../../ffi/libc.ts";
import { fileSystemOf, statusOf } from "../../../ffi/status.ts";
import type { Nature, ObjectStatus, OpenObject } from "../object_system.ts";
import {
  adopt,
  create,
  duplicate,
  linkedFrom,
  open,
  openIfThere,
  pathOfEntry,
  remove,
} from "./files.ts";
import { extend, fillHoles, isUntouched, setSize, takeBack } from "./size.ts";

export const posixObjects = {
  open,
  openIfThere,
  create,
  linkedFrom,
  pathOfEntry,
  remove,
  adopt,
  duplicate,
  close: (object: OpenObject): void => void close(object),
  status: statusOf,
  nature: natureOf,
  setSize,
  extend,
  takeBack,
  isUntouched,
  fillHoles,
  isFull: (error: unknown): boolean => isSystemError(error) && error.code === "ENOSPC",
  lockFile,
  unlockFile,
};

/**
 * Takes a file's exclusive `flock`, which is released with the last descriptor of its description.
 */
function lockFile(object: OpenObject, path: string): boolean {
  try {
    checkZero(libc().flock(object, LOCK_EX | LOCK_NB), threadErrno[0]!, "flock", path);
    // A program for Windows has another lock, which is seen here under Wine.
    if (lockAgainstWindows(object)) return true;
    libc().flock(object, LOCK_UN);
    return false;
  } catch (error) {
    if (isSystemError(error) && (error.code === "EAGAIN" || error.code === "EINTR")) return false;
    throw error;
  }
}

/**
 * Unlocks explicitly: a child process that is being started may have the descriptor for a moment.
 */
function unlockFile(object: OpenObject): void {
  unlockAgainstWindows(object);
  libc().flock(object, LOCK_UN);
}

/** See `ObjectSystem.nature`. */
function natureOf(fd: number, status: ObjectStatus): Nature {
  return { single: isSingle(status), pageSize: pageSizeOf(fd, status) };
}

/** The size of an object's pages, which is larger on a file system of huge pages. */
function pageSizeOf(fd: number, { blockByteLength }: ObjectStatus): number {
  // Other file systems may have large blocks too. Asking for the kind first would cost another call
  // for each region.
  if (blockByteLength <= pageSize()) return pageSize();
  return fileSystemOf(fd)?.type === HUGETLBFS_MAGIC ? blockByteLength : pageSize();
}

/**
 * Whether another mapping of an object may be other memory, as with /dev/zero. Files and block
 * devices are the same memory in all mappings; a driver of a character device may return anything.
 */
function isSingle({ type }: ObjectStatus): boolean {
  return type !== "file" && type !== "block-device";
}
