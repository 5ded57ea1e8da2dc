/**
 * Locks of open file descriptions (`F_OFD_SETLK`, fcntl(2)) on single bytes far beyond the end of
 * any file. The kernel drops such a lock when the last descriptor of its description is closed, for
 * whatever reason. It tells every process that has the file open, in any namespace, whether the
 * lock exists.
 *
 * @see https://man7.org/linux/man-pages/man2/F_GETLK.2const.html
 */

import { checkZero } from "./call.ts";
import { F_OFD_GETLK, F_OFD_SETLK, F_RDLCK, F_UNLCK, F_WRLCK } from "./constants.ts";
import { libc, threadErrno } from "./libc.ts";
import { factOf } from "./platform.ts";

/*
 * struct flock, l_whence: SEEK_SET is 0, l_pid: 0
 * of 64-bit Linux: 0 i16 l_type, 2 i16 l_whence, 8 i64 l_start, 16 i64 l_len, 24 i32 l_pid
 * of macOS: 0 i64 l_start, 8 i64 l_len, 16 i32 l_pid, 20 i16 l_type, 22 i16 l_whence
 */
const flock = new Int32Array(8);
const flockBytes = new Uint8Array(flock.buffer);
const [TYPE_INDEX, START_INDEX, LENGTH_INDEX, PID_INDEX] = factOf(
  {
    linux: [0, 2, 4, 6],
    darwin: [5, 0, 2, 4],
  } as const,
);

/** The upper half of 2^62. The locked bytes begin there, 2^32 of them for each of 2^30 numbers. */
const FIRST_HIGH = 0x40000000;

/** The byte for a number of 30 bits and one of 32, as /proc shows it. */
export function byteOf(number: number, low: number): bigint {
  return 1n << 62n | BigInt(number) << 32n | BigInt(low >>> 0);
}

/** Writes the same byte into the kernel's struct. */
function setByte(type: number, number: number, low: number): void {
  flock[TYPE_INDEX] = type;
  flock[START_INDEX] = low;
  flock[START_INDEX + 1] = FIRST_HIGH + number;
  flock[LENGTH_INDEX] = 1;
  flock[LENGTH_INDEX + 1] = 0;
  flock[PID_INDEX] = 0; // the answer to the last query is still there
}

/** Takes a shared lock of one byte. @returns 0, or the error number */
export function lockByte(fd: number, number: number, low: number): number {
  setByte(F_RDLCK, number, low);
  return libc().fcntlLock(fd, F_OFD_SETLK, flockBytes) === 0 ? 0 : threadErrno[0]!;
}

/** Releases the lock. This cannot fail. */
export function unlockByte(fd: number, number: number, low: number): void {
  setByte(F_UNLCK, number, low);
  libc().fcntlLock(fd, F_OFD_SETLK, flockBytes);
}

/** As {@linkcode isLocked}, for any byte of that number. */
export function isNumberLocked(fd: number, number: number): boolean {
  setByte(F_WRLCK, number, 0);
  flock[LENGTH_INDEX] = 0;
  flock[LENGTH_INDEX + 1] = 1; // 2^32 bytes
  return isFound(fd);
}

/** Whether a byte is locked by an open file description other than that of `fd`. */
export function isLocked(fd: number, number: number, low: number): boolean {
  setByte(F_WRLCK, number, low);
  return isFound(fd);
}

/** Number 0 is nobody's, and its bytes have other meanings. */
const NOBODY = 0;
/** Locked for reading where programs for Windows have their own tokens: `src/os/windows/file_locks.ts`. */
const USED_BY_WINDOWS = 0;
/** Locked for writing by a program for Windows that has a file to itself. */
const WHOLE_FILE = 2;
/** Not locked, except where `flock` locks every byte, as some network file systems have it. */
const UNUSED = 3;

/** Whether programs for Windows use locks of the file, under Wine or over a network. */
export function isUsedByWindows(fd: number): boolean {
  return isLocked(fd, NOBODY, USED_BY_WINDOWS);
}

/** Keeps programs for Windows from having the file to themselves. @returns false if one has it */
export function lockAgainstWindows(fd: number): boolean {
  if (lockByte(fd, NOBODY, WHOLE_FILE) === 0) return true;
  // An error of another kind is the same for both.
  if (lockByte(fd, NOBODY, UNUSED) !== 0) return true;
  unlockByte(fd, NOBODY, UNUSED);
  return false;
}

export function unlockAgainstWindows(fd: number): void {
  unlockByte(fd, NOBODY, WHOLE_FILE);
}

function isFound(fd: number): boolean {
  checkZero(libc().fcntlLock(fd, F_OFD_GETLK, flockBytes), threadErrno[0]!, "fcntl");
  return (flock[TYPE_INDEX]! & 0xffff) !== F_UNLCK;
}
