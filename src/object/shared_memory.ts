/**
 * Named POSIX shared memory. On Linux an object is a file in /dev/shm, and the calls on it are those
 * on files: so an object can be made unnamed, sized, and only then given its name, and nobody ever
 * sees one of size 0.
 */

import { checkCount, checkZero } from "../../ffi/call.ts";
import { cString } from "../../ffi/arguments.ts";
import {
  AT_FDCWD,
  AT_SYMLINK_FOLLOW,
  O_CLOEXEC,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_RDWR,
  O_TMPFILE,
} from "../../ffi/constants.ts";
import { close, ftruncate, open, shm_open, shm_unlink } from "../../ffi/file_calls.ts";
import { libc } from "../../ffi/libc.ts";
import { platform } from "../../ffi/platform.ts";
import { type FileStatus, statusOf, statusOfEntry } from "../../ffi/status.ts";
import { text } from "../check/options.ts";
import { openPatiently } from "./open_file.ts";
import { disown, own, OWNER_PREFIX, SHARED_MEMORY_DIRECTORY } from "./owners.ts";
import { checkDenied } from "./permission.ts";
import { EMPTY, extend } from "./size.ts";

/** Bytes of a name without its "/". */
const MAX_NAME_BYTES = { linux: 255, darwin: 30 };

/**
 * A name without its leading "/".
 *
 * @throws {TypeError} If it is no name: empty, "..", with a "/" or a NUL inside.
 * @throws {RangeError} If it is longer than the platform allows.
 */
export function nameOf(name: string): string {
  const action = "use shared memory";
  const given = text(name, "its name", action);
  const bare = given.startsWith("/") ? given.slice(1) : given;
  if (bare === "" || bare === "." || bare === ".." || /[/\0]/.test(bare)) {
    throw new TypeError(`Cannot ${action} as this is no name for it: received "${name}"`);
  }
  if (bare.startsWith(OWNER_PREFIX)) {
    throw new TypeError(`Cannot ${action} as names with "${OWNER_PREFIX}" are reserved`);
  }
  const limit = MAX_NAME_BYTES[platform().os];
  if (new TextEncoder().encode(bare).length > limit) {
    throw new RangeError(`Cannot ${action} as its name must be at most ${limit} bytes long`);
  }
  return bare;
}

/** Where an object of that name is found. */
export function pathOfName(name: string): string {
  return `${SHARED_MEMORY_DIRECTORY}/${name}`;
}

/** Opens an object that is there. @throws {Deno.errors.NotFound} ENOENT. */
export function openNamed(name: string, writable: boolean): number {
  const access = writable ? O_RDWR : O_RDONLY;
  if (platform().os === "darwin") return shm_open(`/${name}`, access);
  const path = pathOfName(name);
  checkDenied(path, writable);
  const bytes = cString(path, "name", "shm_open");
  return openPatiently(
    path,
    access | O_NOFOLLOW | O_CLOEXEC,
    (flags) => checkCount(libc().open(bytes, flags, 0), "shm_open", path),
  );
}

/** What object to make. */
interface NewObject {
  readonly byteLength: number;
  readonly mode: number;
  /** Whether to reserve its memory. */
  readonly allocate: boolean;
}

/**
 * Makes an object, sized, and owned by this process. Its memory is reserved, so that a full /dev/shm is
 * an error here and not a fault later; nothing has a name before that.
 *
 * @throws {Deno.errors.AlreadyExists} EEXIST: there is one of that name.
 * @throws {Error} ENOSPC: there is not so much memory left.
 */
export function createNamed(name: string, wanted: NewObject): number {
  const { byteLength, mode, allocate } = wanted;
  if (platform().os === "darwin") return createDarwin(name, byteLength, mode);
  const path = pathOfName(name);
  checkDenied(path, true);
  const fd = open(SHARED_MEMORY_DIRECTORY, O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
  try {
    extend(fd, EMPTY, byteLength, allocate, path);
    const { inode } = statusOf(fd);
    try {
      own(name, inode);
      giveName(fd, path);
    } catch (error) {
      disown(inode);
      throw error;
    }
    return fd;
  } catch (error) {
    close(fd);
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
    "shm_open",
    path,
  );
}

function createDarwin(name: string, byteLength: number, mode: number): number {
  const fd = shm_open(`/${name}`, O_RDWR | O_CREAT | O_EXCL, mode);
  try {
    ftruncate(fd, byteLength); // once in an object's life
    return fd;
  } catch (error) {
    close(fd);
    shm_unlink(`/${name}`);
    throw error;
  }
}

/** Removes a name. @throws {Deno.errors.NotFound} ENOENT: there is none. */
export function unlinkNamed(name: string): void {
  if (platform().os === "darwin") {
    shm_unlink(`/${name}`);
    return;
  }
  const path = pathOfName(name);
  checkDenied(path, true);
  const inode = inodeAt(path);
  checkZero(libc().unlink(cString(path, "pathname", "unlink")), "shm_unlink", path);
  if (inode !== undefined) disown(inode);
}

/** Undefined if there is nothing. */
function inodeAt(path: string): string | undefined {
  try {
    return statusOfEntry(path).inode;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Removes a name if it still is that object's, and forgets who owns it. Silent if it is not. */
export function unlinkOwn(name: string, status: FileStatus): void {
  if (platform().os === "darwin") return unlinkQuietly(name); // it has no way to compare
  try {
    const there = statusOfEntry(pathOfName(name));
    if (there.inode === status.inode && there.device === status.device) unlinkNamed(name);
  } catch {
    // Gone already.
  }
  disown(status.inode);
}

function unlinkQuietly(name: string): void {
  try {
    unlinkNamed(name);
  } catch {
    // Gone already.
  }
}
