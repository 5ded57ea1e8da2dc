/**
 * The size of a file. Others may append meanwhile. So extending a file never makes it shorter, even
 * if its size has changed, and is undone only if nobody has written since.
 */

import {
  checkCount,
  checkZero,
  isSystemError,
  retryInterrupted,
  systemError,
} from "../../../ffi/call.ts";
import { RWF_APPEND, SEEK_DATA, TMPFS_MAGIC } from "../../../ffi/constants.ts";
import { ENOSPC, errnoName } from "../../../ffi/errno.ts";
import { ftruncate } from "../../../ffi/file_calls.ts";
import { libc, threadErrno } from "../../../ffi/libc.ts";
import { withAddressOf } from "../../../ffi/memory.ts";
import { withoutSizeSignal } from "../../../ffi/size_signal.ts";
import { fileSystemOf, statusOf } from "../../../ffi/status.ts";
import type { FileSize } from "../object_system.ts";

/** Zeros are written in parts of this length; shorter holes are filled with zeros. */
const PART = 2 ** 20;
/** The errors of file systems and kernels that do not support the call. */
const UNSUPPORTED: readonly string[] = ["EOPNOTSUPP", "EINVAL", "ENOSYS"];
const FULL: readonly string[] = ["ENOSPC", "EDQUOT"];

/**
 * Makes a file at least `to` bytes long. If `allocate` is set, its blocks are reserved, so that a
 * full disk is an error here and not a fault at the first write; otherwise at most the last block
 * is. A failure leaves the size unchanged.
 *
 * @param before its size a moment ago
 * @throws {Error} ENOSPC, EFBIG, EDQUOT, with `syscall` "fallocate", "pwritev2" or "ftruncate".
 */
export function extend(
  fd: number,
  before: FileSize,
  to: number,
  allocate: boolean,
  subject: string | undefined,
): void {
  const { byteLength: from, allocated } = before;
  if (allocate) checkRoom(fd, to - Math.max(from, allocated), subject);
  try {
    // This makes a file longer if necessary, and never shorter.
    if (fallocate(fd, allocate ? from : to - 1, to, subject)) return;
    if (!extendByWriting(fd, to, allocate, subject)) stretch(fd, to);
  } catch (error) {
    // A hole takes no block. On a full disk, others cannot append much either.
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

/** Whether nobody has written beyond `from` to a file that was extended to at most `to` bytes. */
export function isUntouched(fd: number, from: number, to: number): boolean {
  return statusOf(fd).byteLength <= to && holdsOnlyZeros(fd, from);
}

/**
 * Restores the old size of a file that was extended, unless somebody has made it longer or has
 * written beyond the old end since. Silent if it cannot, since the caller reports an earlier error.
 */
export function takeBack(fd: number, from: number, to: number): void {
  try {
    if (statusOf(fd).byteLength > from && isUntouched(fd, from, to)) ftruncate(fd, from);
  } catch {
    // For example, the memory is sealed against shrinking.
  }
}

/**
 * Checks first whether the disk reports enough room. So there is little to release again after a
 * failure, while others may write to the file. A small reservation is not checked: asking would
 * take as long as reserving.
 */
export function checkRoom(fd: number, byteLength: number, subject: string | undefined): void {
  if (byteLength <= PART) return;
  const disk = fileSystemOf(fd);
  // Some file systems count no blocks, or report none as free.
  if (disk === undefined || disk.blocks === 0 || disk.freeBlocks === 0) return;
  if (byteLength <= (disk.freeBlocks + 1) * disk.blockByteLength) return;
  throw systemError(ENOSPC, "fallocate", subject);
}

/** False if the file system or the platform cannot reserve blocks. */
export function fallocate(
  fd: number,
  from: number,
  to: number,
  subject: string | undefined,
): boolean {
  const call = libc().fallocate;
  return call !== null && unlessUnsupported(() => {
    checkZero(call(fd, 0, BigInt(from), BigInt(to - from)), threadErrno[0]!, "fallocate", subject);
  });
}

/**
 * Releases blocks that were reserved beyond the end of a file, and keeps its size.
 *
 * @param before the allocated bytes before
 */
function releaseBlocks(fd: number, before: number): void {
  try {
    const { byteLength, allocated } = statusOf(fd);
    // Only ftruncate does this. Anything that others append between the check and this call is
    // lost.
    if (allocated > before) ftruncate(fd, byteLength);
  } catch {
    // The blocks stay reserved. The caller reports the earlier error.
  }
}

/**
 * Extends a file if blocks cannot be reserved, as on ext2. Zeros are appended at the present end,
 * so that concurrent appends only make the file longer. A hole is made by writing its last byte,
 * which overwrites somebody's data only if {@linkcode PART} bytes were appended since the check.
 *
 * @returns false if the platform cannot do that either
 */
function extendByWriting(
  fd: number,
  to: number,
  allocate: boolean,
  subject: string | undefined,
): boolean {
  const write = zerosWriter(fd, PART, subject);
  if (write === undefined) return false;
  while (true) {
    const missing = to - statusOf(fd).byteLength;
    if (missing <= 0) return true;
    if (!allocate && missing > PART) return write(1, to - 1, 0);
    if (!write(Math.min(missing, PART), 0, RWF_APPEND)) return false;
  }
}

/** Writes zeros at an offset. @returns false if the file system cannot */
type WriteZeros = (byteLength: number, offset: number, flags: number) => boolean;

/** @param most how many zeros can be written at once */
function zerosWriter(fd: number, most: number, subject?: string): WriteZeros | undefined {
  const { pwritev2 } = libc();
  if (pwritev2 === null) return undefined;
  const zeros = new Uint8Array(most);
  return (byteLength, offset, flags) =>
    unlessUnsupported(() =>
      withAddressOf(zeros, (address) => {
        const vector = BigUint64Array.of(address, BigInt(byteLength)); // struct iovec
        checkCount(
          pwritev2(fd, new Uint8Array(vector.buffer), 1, BigInt(offset), flags),
          threadErrno[0]!,
          "pwritev2",
          subject,
        );
      })
    );
}

/** See `ObjectSystem.cacheZeros`. */
export function cacheZeros(fd: number, from: number, to: number, piece: number): void {
  if (fileSystemOf(fd)?.type === TMPFS_MAGIC) return; // there, faults are the quickest
  const write = zerosWriter(fd, piece);
  // Writing would make a file longer again that somebody has made shorter.
  if (write === undefined || statusOf(fd).byteLength < to) return;
  try {
    for (let at = from, next; at < to; at = next) {
      next = Math.min(at - at % piece + piece, to);
      if (!write(next - at, at, 0)) return;
    }
  } catch (error) {
    if (!isSystemError(error)) throw error;
  }
}

/** Sets a file's size, unless it is that long already. What others append in between is lost. */
export function stretch(fd: number, to: number): void {
  if (statusOf(fd).byteLength < to) retryInterrupted(() => ftruncate(fd, to));
}

/** False if the call reports that it is not supported. */
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
 * Whether a file holds nothing but zeros from `byteOffset` on. Holes and blocks that are only
 * reserved are skipped.
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
    if (byteOffset < 0n) return errnoName(threadErrno[0]!) === "ENXIO"; // only a hole is left
    const count = Number(read(fd, bytes, BigInt(bytes.length)));
    if (count <= 0) return count === 0;
    if (bytes.subarray(0, count).some((byte) => byte !== 0)) return false;
    byteOffset += BigInt(count);
  }
}

/**
 * Reserves the holes in a range of an existing file, such as a sparse copy. So a full disk is an
 * error here, and not a private page later.
 *
 * @throws {Error} ENOSPC, EDQUOT, with `syscall` "fallocate".
 * @throws {Deno.errors.NotSupported} If the file has holes, and its file system cannot reserve them.
 */
export function fillHoles(fd: number, from: number, to: number, subject: string | undefined): void {
  const { type, byteLength, allocated } = statusOf(fd);
  const end = Math.min(to, byteLength);
  if (type !== "file" || from >= end || libc().fallocate === null) return;
  // Only on tmpfs does this number prove that there are no holes: elsewhere it also counts
  // metadata. And only there is it slow to reserve existing blocks.
  if (allocated >= byteLength && fileSystemOf(fd)?.type === TMPFS_MAGIC) return;
  // Others may have resized the file meanwhile: only the range within it is reserved.
  checkRoom(fd, end - from - allocated, subject);
  if (fallocate(fd, from, end, subject)) return;
  if (allocated >= byteLength || !countsBlocks(fd, allocated)) return;
  throw new Deno.errors.NotSupported(
    `Cannot reserve '${subject ?? ""}' as it has holes that its file system cannot fill: ` +
      `\`cp --sparse=never\` makes a copy without`,
  );
}

/** Some file systems report 0 for files with content. */
function countsBlocks(fd: number, allocated: number): boolean {
  return allocated > 0 || holdsOnlyZeros(fd, 0);
}
