/** Opening files: by path, creating them, and by descriptor. */

import { retryInterrupted } from "../../ffi/call.ts";
import {
  O_CLOEXEC,
  O_CREAT,
  O_EXCL,
  O_NOCTTY,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
} from "../../ffi/constants.ts";
import { duplicateDescriptor } from "../../ffi/descriptor.ts";
import { open } from "../../ffi/file_calls.ts";
import { libc } from "../../ffi/libc.ts";
import { statusOf, statusOfPath } from "../../ffi/status.ts";
import { cString } from "../../ffi/arguments.ts";

/** How to open a file; every field is checked already. */
interface FileRequest {
  readonly path: string;
  readonly writable: boolean;
  readonly create: boolean;
  readonly createNew: boolean;
  readonly mode: number;
}

/** An open descriptor, and whether this very call made the file. */
interface OpenedFile {
  readonly fd: number;
  readonly created: boolean;
}

// O_NONBLOCK: a FIFO without a peer must be an error, not a wait. Regular files ignore it.
const COMMON = O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

/** @throws the system error of `open` */
export function openFile({ path, writable, create, createNew, mode }: FileRequest): OpenedFile {
  const flags = COMMON | (writable ? O_RDWR : O_RDONLY);
  const openExisting = () => retryInterrupted(() => open(path, flags));
  const openNew = () => retryInterrupted(() => open(path, flags | O_CREAT | O_EXCL, mode));
  if (createNew) return { fd: openNew(), created: true };
  if (!create) return { fd: openExisting(), created: false };
  // A dangling symbolic link defeats both; without O_EXCL its target is made.
  return openOrCreate(openExisting, openNew) ??
    { fd: retryInterrupted(() => open(path, flags | O_CREAT, mode)), created: false };
}

/**
 * Opens what is there or creates it. Both ways are exclusive, so that it is known whose it is; each
 * may lose a race with somebody who makes or removes it.
 *
 * @returns undefined if both failed again and again
 */
export function openOrCreate(
  openExisting: () => number,
  createNew: () => number,
): OpenedFile | undefined {
  for (let tries = 0; tries < 10; tries++) {
    const existing = unless(Deno.errors.NotFound, openExisting);
    if (existing !== undefined) return { fd: existing, created: false };
    const made = unless(Deno.errors.AlreadyExists, createNew);
    if (made !== undefined) return { fd: made, created: true };
  }
  return undefined;
}

function unless<T>(expected: new (message: string) => Error, call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (error instanceof expected) return undefined;
    throw error;
  }
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
