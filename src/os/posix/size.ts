/**
 * The size of a file. Others may write to its end meanwhile: extending a file never makes it shorter,
 * whatever size it was thought to have, and is taken back only where nobody has written since.
 */

import {
  checkCount,
  checkZero,
  isSystemError,
  retryInterrupted,
  systemError,
} from "../../../ffi/call.ts";
import { RWF_APPEND, SEEK_DATA } from "../../../ffi/constants.ts";
import { ENOSPC, errnoName, lastErrno } from "../../../ffi/errno.ts";
import { ftruncate } from "../../../ffi/file_calls.ts";
import { libc } from "../../../ffi/libc.ts";
import { addressOfBytes } from "../../../ffi/memory.ts";
import { withoutSizeSignal } from "../../../ffi/size_signal.ts";
import { fileSystemOf, statusOf } from "../../../ffi/status.ts";
import type { Extent } from "../object_system.ts";

/** Zeros are written in parts of this length; holes shorter than it are written. */
const PART = 2 ** 20;
/** What file systems say that cannot do it, and kernels that do not know it. */
const UNSUPPORTED: readonly string[] = ["EOPNOTSUPP", "EINVAL", "ENOSYS"];
const FULL: readonly string[] = ["ENOSPC", "EDQUOT"];

/**
 * Makes a file at least `to` bytes long. Its blocks are reserved where `allocate` says so, so that a
 * full disk is an error here and not a fault at the first write; otherwise at most the last one is.
 * A failure leaves the size as it was.
 *
 * @param before what it was a moment ago
 * @throws {Error} ENOSPC, EFBIG, EDQUOT, with `syscall` "fallocate", "pwritev2" or "ftruncate".
 */
export function extend(
  fd: number,
  before: Extent,
  to: number,
  allocate: boolean,
  subject: string | undefined,
): void {
  const { byteLength: from, allocated } = before;
  if (allocate) checkRoom(fd, to - Math.max(from, allocated), subject);
  try {
    // Which makes a file longer, if it has to, and never shorter.
    if (fallocate(fd, allocate ? from : to - 1, to, subject)) return;
    if (!extendByWriting(fd, to, allocate, subject)) stretch(fd, to);
  } catch (error) {
    // A hole takes no block: on a full disk, where nobody can append much either.
    if (!allocate && hasCode(error, FULL)) return stretch(fd, to);
    takeBack(fd, from, to);
    if (allocate) releaseBlocks(fd, allocated);
    throw error;
  }
}

/** Sets the size of a file. */
export function setSize(fd: number, byteLength: number): void {
  retryInterrupted(() => ftruncate(fd, byteLength));
}

/** Whether a file that was extended to at most `to` bytes is as it was made, behind `from`. */
export function isUntouched(fd: number, from: number, to: number): boolean {
  return statusOf(fd).byteLength <= to && holdsOnlyZeros(fd, from);
}

/**
 * Gives a file that was extended its old size again, unless somebody has made it longer or has
 * written behind the old end since. Silent if it cannot: what failed before has to be told.
 */
export function takeBack(fd: number, from: number, to: number): void {
  try {
    if (statusOf(fd).byteLength > from && isUntouched(fd, from, to)) ftruncate(fd, from);
  } catch {
    // Such as memory that is sealed against shrinking.
  }
}

/**
 * Finds out beforehand that a disk has no room, as far as it tells. So little is reserved in vain,
 * and has to be given back under the eyes of others that write to the file. To ask takes as long as
 * to reserve a little, which is not worth it.
 */
export function checkRoom(fd: number, byteLength: number, subject: string | undefined): void {
  if (byteLength <= PART) return;
  const disk = fileSystemOf(fd);
  // Some count no blocks, or none as free.
  if (disk === undefined || disk.blocks === 0 || disk.freeBlocks === 0) return;
  if (byteLength <= (disk.freeBlocks + 1) * disk.blockByteLength) return;
  throw systemError(ENOSPC, "fallocate", subject);
}

/** False where the file system or the platform cannot reserve blocks. */
export function fallocate(
  fd: number,
  from: number,
  to: number,
  subject: string | undefined,
): boolean {
  const call = libc().fallocate;
  return call !== null && unlessUnsupported(() => {
    checkZero(call(fd, 0, BigInt(from), BigInt(to - from)), "fallocate", subject);
  });
}

/**
 * Gives back what was reserved behind the end of a file, which stays where it is.
 *
 * @param before what the file took
 */
function releaseBlocks(fd: number, before: number): void {
  try {
    const { byteLength, allocated } = statusOf(fd);
    // Nothing but ftruncate does it. What others append in the moment since the look is lost.
    if (allocated > before) ftruncate(fd, byteLength);
  } catch {
    // They stay reserved. What failed before has to be told.
  }
}

/**
 * Extends a file where blocks cannot be reserved, as on ext2. Zeros are appended, wherever the end is
 * by then, so that what others append in between only makes the file longer. A hole that is to stay
 * one gets its last byte, which could be somebody's by then only if he wrote {@linkcode PART} bytes
 * since the look.
 *
 * @returns false where the platform cannot do that either
 */
function extendByWriting(
  fd: number,
  to: number,
  allocate: boolean,
  subject: string | undefined,
): boolean {
  const { pwritev2 } = libc();
  if (pwritev2 === null) return false;
  const zeros = new Uint8Array(PART);
  const vector = new BigUint64Array([addressOfBytes(zeros), 0n]); // struct iovec
  const write = (byteLength: number, offset: number, flags: number): boolean => {
    vector[1] = BigInt(byteLength);
    const bytes = new Uint8Array(vector.buffer);
    return unlessUnsupported(() => {
      checkCount(pwritev2(fd, bytes, 1, BigInt(offset), flags), "pwritev2", subject);
    });
  };
  while (true) {
    const missing = to - statusOf(fd).byteLength;
    if (missing <= 0) return true;
    if (!allocate && missing > PART) return write(1, to - 1, 0);
    if (!write(Math.min(missing, PART), 0, RWF_APPEND)) return false;
  }
}

/** Sets a file's size unless it is that long by now: what others append in between is lost. */
function stretch(fd: number, to: number): void {
  if (statusOf(fd).byteLength < to) retryInterrupted(() => ftruncate(fd, to));
}

/** False where the call said that there is no such thing here. */
function unlessUnsupported(call: () => void): boolean {
  try {
    retryInterrupted(() => withoutSizeSignal(call));
    return true;
  } catch (error) {
    if (hasCode(error, UNSUPPORTED)) return false;
    throw error;
  }
}

function hasCode(error: unknown, codes: readonly string[]): boolean {
  return isSystemError(error) && codes.includes(error.code);
}

const SEEK_SET = 0;
const SEEK_CUR = 1;

/**
 * Whether a file holds nothing but zeros from `byteOffset` on. Holes, and blocks that are reserved
 * only, are skipped.
 *
 * @param fd open for reading; its position is the same afterwards
 */
export function holdsOnlyZeros(fd: number, byteOffset: number): boolean {
  const { lseek } = libc();
  const position = lseek(fd, 0n, SEEK_CUR);
  try {
    return onlyZerosFrom(fd, BigInt(byteOffset));
  } finally {
    lseek(fd, position, SEEK_SET);
  }
}

function onlyZerosFrom(fd: number, byteOffset: bigint): boolean {
  const { lseek, read } = libc();
  const bytes = new Uint8Array(65536);
  while (true) {
    byteOffset = lseek(fd, byteOffset, SEEK_DATA);
    if (byteOffset < 0n) return errnoName(lastErrno()) === "ENXIO"; // nothing but holes is left
    const count = Number(read(fd, bytes, BigInt(bytes.length)));
    if (count <= 0) return count === 0;
    if (bytes.subarray(0, count).some((byte) => byte !== 0)) return false;
    byteOffset += BigInt(count);
  }
}
