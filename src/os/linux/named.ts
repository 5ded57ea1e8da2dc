/**
 * Named shared memory: an object is a file in /dev/shm, and the calls on it are those on files. So
 * an object can be created without a name, sized, and only then named, and nobody ever sees one of
 * size 0.
 */

import { checkCount, checkZero } from "../../../ffi/call.ts";
import { cString } from "../../../ffi/arguments.ts";
import {
  AT_FDCWD,
  AT_SYMLINK_FOLLOW,
  O_CLOEXEC,
  O_RDWR,
  O_TMPFILE,
} from "../../../ffi/constants.ts";
import * as files from "../../../ffi/file_calls.ts";
import { libc, threadErrno } from "../../../ffi/libc.ts";
import { statusOf, statusOfEntry } from "../../../ffi/status.ts";
import type { NewObject, ObjectStatus, OpenObject } from "../object_system.ts";
import { openPatiently } from "../posix/files.ts";
import { extend } from "../posix/size.ts";
import { disown, own, SHARED_MEMORY_DIRECTORY } from "./owners.ts";

/** The path of an object of that name. */
export function pathOf(name: string): string {
  return `${SHARED_MEMORY_DIRECTORY}/${name}`;
}

/** Opens an object that is there. @throws {Deno.errors.NotFound} ENOENT. */
export function open(name: string, writable: boolean): OpenObject {
  const path = pathOf(name);
  const bytes = cString(path, "name", "shm_open");
  return openPatiently(
    path,
    { writable, linksRefused: true },
    (flags) => checkCount(libc().open(bytes, flags, 0), threadErrno[0]!, "shm_open", path),
  );
}

/**
 * Creates an object with its size, owned by this process. Its memory is reserved before it gets its
 * name, so that a full /dev/shm is an error here and not a fault later.
 *
 * @throws {Deno.errors.AlreadyExists} EEXIST: an object of that name exists.
 * @throws {Error} ENOSPC: not enough memory is left.
 */
export function create(name: string, { byteLength, mode, allocate }: NewObject): OpenObject {
  const path = pathOf(name);
  const flags = O_TMPFILE | O_RDWR | O_CLOEXEC;
  const object = files.open(SHARED_MEMORY_DIRECTORY, flags, mode) as OpenObject;
  try {
    extend(object, { byteLength: 0, allocated: 0 }, byteLength, allocate, path);
    const { inode } = statusOf(object);
    try {
      own(name, inode);
      giveName(object, path);
    } catch (error) {
      disown(inode);
      throw error;
    }
    return object;
  } catch (error) {
    files.close(object);
    throw error;
  }
}

function giveName(fd: number, path: string): void {
  checkZero(
    libc().linkat(
      AT_FDCWD,
      cString(`/proc/self/fd/${fd}`, "oldpath", "linkat"),
      AT_FDCWD,
      cString(path, "newpath", "linkat"),
      AT_SYMLINK_FOLLOW,
    ),
    threadErrno[0]!,
    "shm_open",
    path,
  );
}

/** Removes a name. @throws {Deno.errors.NotFound} ENOENT: no object has it. */
export function unlink(name: string): void {
  const path = pathOf(name);
  const inode = inodeAt(path);
  checkZero(
    libc().unlink(cString(path, "pathname", "unlink")),
    threadErrno[0]!,
    "shm_unlink",
    path,
  );
  if (inode !== undefined) disown(inode);
}

/** Undefined if nothing is there. */
function inodeAt(path: string): string | undefined {
  try {
    return statusOfEntry(path).inode;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** See `NamedSystem.unlinkOwn`. */
export function unlinkOwn(name: string, status: ObjectStatus): void {
  try {
    const there = statusOfEntry(pathOf(name));
    if (there.inode === status.inode && there.device === status.device) unlink(name);
  } catch {
    // It is gone already.
  }
  disown(status.inode);
}
