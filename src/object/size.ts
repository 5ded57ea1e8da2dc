/** The size of a file: extending it with blocks reserved, and taking that back. */

import { checkErrno, retryInterrupted } from "../../ffi/call.ts";
import { ftruncate } from "../../ffi/file_calls.ts";
import { libc } from "../../ffi/libc.ts";

const EINVAL = 22;
const EOPNOTSUPP = 95;

/**
 * Makes a file longer. Its blocks are reserved where `allocate` says so, so that a full disk is an
 * error here and not a fault at the first write; a failure leaves the old size.
 *
 * @throws {Error} ENOSPC, EFBIG, EDQUOT, with `syscall` "fallocate" or "ftruncate".
 */
export function extend(
  fd: number,
  from: number,
  to: number,
  allocate: boolean,
  subject: string | undefined,
): void {
  try {
    if (!allocate || !reserveBlocks(fd, from, to - from, subject)) {
      retryInterrupted(() => ftruncate(fd, to));
    }
  } catch (error) {
    // A failed allocation may have got part of the way.
    ftruncate(fd, from);
    throw error;
  }
}

/** False where the file system or the platform cannot reserve blocks. */
function reserveBlocks(
  fd: number,
  byteOffset: number,
  byteLength: number,
  subject: string | undefined,
): boolean {
  const { posix_fallocate } = libc();
  if (posix_fallocate === null) return false;
  return retryInterrupted(() => {
    const errno = posix_fallocate(fd, BigInt(byteOffset), BigInt(byteLength));
    if (errno === EINVAL || errno === EOPNOTSUPP) return false;
    checkErrno(errno, "fallocate", subject);
    return true;
  });
}

/** Empties a file and gives it its new size, so that all of it reads as zeros. */
export function emptyTo(
  fd: number,
  byteLength: number,
  allocate: boolean,
  subject: string | undefined,
): void {
  retryInterrupted(() => ftruncate(fd, 0));
  extend(fd, 0, byteLength, allocate, subject);
}
