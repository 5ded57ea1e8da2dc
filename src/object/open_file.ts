/** Opening files: by path, creating them, and by descriptor. */

import { checkCount, retryInterrupted } from "../../ffi/call.ts";
import {
  O_CLOEXEC,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_RDWR,
} from "../../ffi/constants.ts";
import { duplicateDescriptor } from "../../ffi/descriptor.ts";
import { close, open } from "../../ffi/file_calls.ts";
import { libc } from "../../ffi/libc.ts";
import { statusOf, statusOfPath } from "../../ffi/status.ts";
import { cString } from "../../ffi/arguments.ts";
import { createFile, linkedFrom, unless } from "./create_file.ts";

/** How to open a file; every field is checked already. */
interface FileRequest {
  readonly path: string;
  readonly writable: boolean;
  readonly create: boolean;
  readonly createNew: boolean;
  readonly mode: number;
}

/** An open descriptor, and whether this very call made the object. */
interface Opened {
  readonly fd: number;
  readonly created: boolean;
}

/** An open file. */
export interface OpenedFile extends Opened {
  /** Where it stands: another path where it was made through a symbolic link. */
  readonly path: string;
}

const COMMON = O_CLOEXEC | O_NOCTTY;

/** @throws the system error of `open` */
export function openFile({ path, writable, create, createNew, mode }: FileRequest): OpenedFile {
  const flags = COMMON | (writable ? O_RDWR : O_RDONLY);
  const openExisting = () => openPatiently(path, flags);
  if (createNew) return { fd: createFile(path, flags, mode), created: true, path };
  if (!create) return { fd: openExisting(), created: false, path };
  let place = path;
  const opened = openOrCreate(openExisting, () => {
    try {
      return createFile(place, flags, mode);
    } catch (error) {
      // A symbolic link that leads nowhere is in the way: where it leads, the file is made.
      if (error instanceof Deno.errors.AlreadyExists) place = linkedFrom(place) ?? path;
      throw error;
    }
  });
  if (opened !== undefined) return { ...opened, path: opened.created ? place : path };
  throw new Deno.errors.Busy(`Cannot open '${path}': others keep making and removing it`);
}

/**
 * Opens what is there.
 *
 * @param call opens it, with these flags
 * @throws the system error of `open`
 */
export function openPatiently(
  path: string,
  flags: number,
  call: (flags: number) => number = (flags) => open(path, flags),
): number {
  try {
    // O_NONBLOCK: a FIFO without a peer must be an error, not a wait. Regular files ignore it, but
    // for a lease that somebody has on one.
    return retryInterrupted(() => call(flags | O_NONBLOCK));
  } catch (error) {
    if (!(error instanceof Deno.errors.WouldBlock)) throw error;
    const fd = openLeased(path, flags);
    if (fd === undefined) throw error;
    return fd;
  }
}

/** Waits until a lease is given back. Undefined if it is no regular file, or one without /proc. */
function openLeased(path: string, flags: number): number | undefined {
  if (O_PATH === undefined) return undefined;
  const place = open(path, O_PATH | O_CLOEXEC | (flags & O_NOFOLLOW));
  try {
    if (statusOf(place).type !== "file") return undefined;
    // This very file, whatever stands at the path by now.
    const same = cString(`/proc/self/fd/${place}`, "pathname", "open");
    return unless(
      Deno.errors.NotFound,
      () =>
        retryInterrupted(() => checkCount(libc().open(same, flags & ~O_NOFOLLOW, 0), "open", path)),
    );
  } finally {
    close(place);
  }
}

/** As many as Linux follows symbolic links, and some more. */
const MAX_TRIES = 50;

/**
 * Opens what is there or creates it. Both ways are exclusive, so that it is known whose it is; each
 * may lose a race with somebody who makes or removes it.
 *
 * @returns undefined if both failed again and again
 */
export function openOrCreate(
  openExisting: () => number,
  createNew: () => number,
): Opened | undefined {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const existing = unless(Deno.errors.NotFound, openExisting);
    if (existing !== undefined) return { fd: existing, created: false };
    const made = unless(Deno.errors.AlreadyExists, createNew);
    if (made !== undefined) return { fd: made, created: true };
  }
  return undefined;
}

/** The largest C int. */
const LARGEST_FD = 2 ** 31 - 1;

/**
 * A duplicate that closes on exec.
 *
 * @throws {RangeError} If no descriptor can have that number.
 * @throws {Error} EBADF: the descriptor is not open.
 */
export function duplicate(fd: number): number {
  if (fd > LARGEST_FD) {
    throw new RangeError(
      `Cannot map descriptor as fd must be at most ${LARGEST_FD}: received ${fd}`,
    );
  }
  return duplicateDescriptor(fd);
}

/** Removes a file that this call made, unless another one stands at its path by now. */
export function removeCreated(path: string, fd: number): void {
  try {
    const ours = statusOf(fd);
    const there = statusOfPath(path);
    if (ours.inode !== there.inode || ours.device !== there.device) return;
    libc().unlink(cString(path, "pathname", "unlink"));
  } catch {
    // Gone already: nothing of ours is left.
  }
}
