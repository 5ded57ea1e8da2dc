/** Anonymous memory that has a descriptor, so that other processes can be given it. */

import { checkCount, required, systemError } from "../../ffi/call.ts";
import {
  F_ADD_SEALS,
  F_GET_SEALS,
  F_SEAL_FUTURE_WRITE,
  F_SEAL_SHRINK,
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
  O_CREAT,
  O_EXCL,
  O_RDWR,
} from "../../ffi/constants.ts";
import { EPERM } from "../../ffi/errno.ts";
import { close, ftruncate, memfd_create, shm_open, shm_unlink } from "../../ffi/file_calls.ts";
import { libc } from "../../ffi/libc.ts";
import { platform } from "../../ffi/platform.ts";
import { type FileStatus, statusOf } from "../../ffi/status.ts";

/** What of an anonymous object is fixed for its life. */
interface Seals {
  /** It cannot get smaller. */
  readonly shrink: boolean;
  /** No further writable mapping can be made. */
  readonly write: boolean;
}

/** A descriptor of `byteLength` zero bytes that no path leads to. */
export function createAnonymous(label: string, byteLength: number): number {
  const fd = platform().os === "darwin"
    ? createUnlinked()
    : memfd_create(label, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  try {
    ftruncate(fd, byteLength);
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

let device: number | undefined;

/**
 * Whether this is memory that no path leads to: a memfd, on the file system that Linux keeps for such
 * things and that nobody can mount.
 */
export function isPathless(status: FileStatus): boolean {
  if (platform().os !== "linux") return false;
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

/** macOS has no memfd: a shared memory object whose name is removed at once. */
function createUnlinked(): number {
  const name = `/mmap.${crypto.randomUUID().slice(0, 18)}`; // at most 31 bytes there
  const fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0o600);
  shm_unlink(name);
  return fd;
}

/** Seals a memfd; elsewhere nothing can be sealed, and a write seal is refused. */
export function seal(fd: number, { shrink, write }: Seals): void {
  if (F_ADD_SEALS === undefined) {
    if (write) required(null, "fcntl");
    return;
  }
  const seals = (shrink ? F_SEAL_SHRINK : 0) | (write ? F_SEAL_FUTURE_WRITE : 0);
  if (seals !== 0) checkCount(libc().fcntl(fd, F_ADD_SEALS, BigInt(seals)), "fcntl");
}

/** @throws {Deno.errors.PermissionDenied} EPERM: the object is sealed against shrinking. */
export function checkMayShrink(fd: number): void {
  if (F_GET_SEALS === undefined) return;
  const seals = libc().fcntl(fd, F_GET_SEALS, 0n); // -1: nothing that could be sealed
  if (seals !== -1 && (seals & F_SEAL_SHRINK) !== 0) throw systemError(EPERM, "ftruncate");
}
