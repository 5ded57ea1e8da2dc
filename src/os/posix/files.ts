/** Opening and creating files, and their descriptors. */

import { cString } from "../../../ffi/arguments.ts";
import { checkCount, isSystemError, retryInterrupted } from "../../../ffi/call.ts";
import {
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_RDWR,
} from "../../../ffi/constants.ts";
import { pathOfDescriptor, statusOfFile } from "../../../ffi/darwin.ts";
import { duplicateDescriptor } from "../../../ffi/file_calls.ts";
import * as files from "../../../ffi/file_calls.ts";
import { libc, threadErrno } from "../../../ffi/libc.ts";
import { readLink } from "../../../ffi/proc.ts";
import { statusOf, statusOfPath } from "../../../ffi/status.ts";
import type { CreateHow, OpenHow, OpenObject } from "../object_system.ts";

/** The flags that every object is opened with. */
function openFlags({ writable, linksRefused }: OpenHow): number {
  return (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOCTTY | (linksRefused ? O_NOFOLLOW : 0);
}

/** Opens an existing file. @throws the system error of `open` */
export function open(path: string, how: OpenHow): OpenObject {
  return openPatiently(path, how, (flags) => files.open(path, flags));
}

/** The errors of `open` if nothing is there, or another kind of file is: the last is macOS's for sockets. */
const NOT_THERE = ["ENOENT", "ENOTDIR", "ELOOP", "EISDIR", "ENXIO", "EOPNOTSUPP"];

/** See `ObjectSystem.openIfThere`. */
export function openIfThere(path: string, how: OpenHow): OpenObject | undefined {
  try {
    return open(path, how);
  } catch (error) {
    if (isSystemError(error) && NOT_THERE.includes(error.code)) return undefined;
    throw error;
  }
}

/**
 * Opens an existing file. If somebody has a lease on it, this waits for its release.
 *
 * @param call opens it, with these flags
 */
export function openPatiently(
  path: string,
  how: OpenHow,
  call: (flags: number) => number,
): OpenObject {
  const flags = openFlags(how);
  try {
    // O_NONBLOCK makes a FIFO without a peer an error and not a wait. For regular files it matters
    // only if somebody has a lease.
    return retryInterrupted(() => call(flags | O_NONBLOCK)) as OpenObject;
  } catch (error) {
    if (!(error instanceof Deno.errors.WouldBlock)) throw error;
    const fd = openLeased(path, flags);
    if (fd === undefined) throw error;
    return fd as OpenObject;
  }
}

/** Waits until a lease is released. Undefined if it is not a regular file, or there is no /proc. */
function openLeased(path: string, flags: number): number | undefined {
  if (O_PATH === undefined) return undefined;
  const place = files.open(path, O_PATH | O_CLOEXEC | (flags & O_NOFOLLOW));
  try {
    if (statusOf(place).type !== "file") return undefined;
    // Exactly this file, even if the path leads elsewhere now.
    const same = cString(`/proc/self/fd/${place}`, "pathname", "open");
    return unlessNotFound(() =>
      retryInterrupted(() =>
        checkCount(libc().open(same, flags & ~O_NOFOLLOW, 0), threadErrno[0]!, "open", path)
      )
    );
  } finally {
    files.close(place);
  }
}

/** The result of a call; undefined if it throws NotFound. */
function unlessNotFound<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * Creates a file, in a folder that was checked first: where that is forbidden, no file ever
 * appears.
 */
export function create(path: string, { writable, mode, allow }: CreateHow): OpenObject {
  const flags = openFlags({ writable }) | O_CREAT | O_EXCL;
  const [folderPath, name] = split(path);
  // Not the name of a file, which `open` reports; or nobody asks for the path, and without O_PATH the
  // folder would have to be readable.
  if (["", ".", ".."].includes(name) || O_PATH === undefined && allow === undefined) {
    return retryInterrupted(() => files.open(path, flags, mode)) as OpenObject;
  }
  const folder = openFolder(folderPath, path);
  try {
    allow?.(entryIn(folder, name));
    const entry = cString(name, "pathname", "open");
    return retryInterrupted(() =>
      checkCount(libc().openat(folder, entry, flags, mode), threadErrno[0]!, "open", path)
    ) as OpenObject;
  } finally {
    files.close(folder);
  }
}

/** See `ObjectSystem.pathOfEntry`. */
export function pathOfEntry(path: string): string | undefined {
  const [folderPath, name] = split(path);
  const folder = unlessNotFound(() => openFolder(folderPath, path));
  if (folder === undefined) return undefined;
  try {
    return entryIn(folder, name);
  } finally {
    files.close(folder);
  }
}

function split(path: string): [folder: string, name: string] {
  const slash = path.lastIndexOf("/") + 1;
  return [path.slice(0, slash) || ".", path.slice(slash)];
}

function entryIn(folder: number, name: string): string {
  const path = O_PATH === undefined
    ? pathOfDescriptor(folder) ?? ""
    : readLink(`/proc/self/fd/${folder}`);
  return `${path}/${name}`;
}

/** @param path what an error is about */
function openFolder(folder: string, path: string): number {
  const bytes = cString(folder, "pathname", "open");
  return checkCount(
    libc().open(bytes, (O_PATH ?? O_RDONLY) | O_DIRECTORY | O_CLOEXEC, 0),
    threadErrno[0]!,
    "open",
    path,
  );
}

/** The target of a symbolic link; undefined if it is not a link. */
export function linkedFrom(path: string): string | undefined {
  let target: string;
  try {
    target = readLink(path);
  } catch {
    return undefined;
  }
  return target.startsWith("/") ? target : path.slice(0, path.lastIndexOf("/") + 1) + target;
}

/** The largest C int. */
const LARGEST_FD = 2 ** 31 - 1;

/**
 * A close-on-exec duplicate of a user's descriptor.
 *
 * @throws {RangeError} If no descriptor can have that number.
 * @throws {Error} EBADF: the descriptor is not open.
 */
export function adopt(fd: number): OpenObject {
  if (fd > LARGEST_FD) {
    throw new RangeError(
      `Cannot map descriptor as fd must be at most ${LARGEST_FD}: received ${fd}`,
    );
  }
  return duplicateDescriptor(fd) as OpenObject;
}

/** Another descriptor of an object. */
export function duplicate(object: OpenObject): OpenObject {
  return duplicateDescriptor(object) as OpenObject;
}

/** See `ObjectSystem.remove`. */
export function remove(path: string, object: OpenObject): void {
  try {
    const ours = statusOf(object);
    const there = O_PATH === undefined ? statusOfFile(path) : statusOfPath(path);
    if (ours.inode !== there.inode || ours.device !== there.device) return;
    libc().unlink(cString(path, "pathname", "unlink"));
  } catch {
    // It is gone already.
  }
}
