/**
 * Locks of open file descriptions (`F_OFD_SETLK`, fcntl(2)) on single bytes that no file has. Such a
 * lock is gone as soon as the last descriptor of its description is closed, however that comes; and
 * the kernel tells everybody who has the file open, in any namespace, whether it is there.
 *
 * @see https://man7.org/linux/man-pages/man2/F_GETLK.2const.html
 */

import { checkZero } from "./call.ts";
import { F_OFD_GETLK, F_OFD_SETLK, F_RDLCK, F_UNLCK, F_WRLCK } from "./constants.ts";
import { lastErrno } from "./errno.ts";
import { libc } from "./libc.ts";

/*
 * struct flock of 64-bit Linux:
 *   0 i16 l_type   2 i16 l_whence: SEEK_SET is 0   8 i64 l_start   16 i64 l_len   24 i32 l_pid: 0
 */
const flock = new Int32Array(8);
const flockBytes = new Uint8Array(flock.buffer);

/** The bytes from 2^62 on: half a turn for each of 2^30 numbers. */
const FIRST_HIGH = 0x40000000;

/** The byte of a number of 30 bits and one of 32, as /proc tells it. */
export function byteOf(number: number, low: number): bigint {
  return 1n << 62n | BigInt(number) << 32n | BigInt(low >>> 0);
}

/** The same for the kernel. */
function setByte(type: number, number: number, low: number): void {
  flock[0] = type;
  flock[2] = low;
  flock[3] = FIRST_HIGH + number;
  flock[4] = 1;
  flock[5] = 0;
  flock[6] = 0; // the answer to the last question is there
}

/** Takes a shared lock of one byte. @returns 0, or the error number */
export function lockByte(fd: number, number: number, low: number): number {
  setByte(F_RDLCK, number, low);
  return libc().fcntlLock(fd, F_OFD_SETLK, flockBytes) === 0 ? 0 : lastErrno();
}

/** Gives it back; that cannot fail. */
export function unlockByte(fd: number, number: number, low: number): void {
  setByte(F_UNLCK, number, low);
  libc().fcntlLock(fd, F_OFD_SETLK, flockBytes);
}

/** As {@linkcode isLocked}, of any byte of that number. */
export function isNumberLocked(fd: number, number: number): boolean {
  setByte(F_WRLCK, number, 0);
  flock[4] = 0;
  flock[5] = 1; // 2^32 bytes
  return isFound(fd);
}

/** Whether another open file description than that of `fd` has the lock of a byte. */
export function isLocked(fd: number, number: number, low: number): boolean {
  setByte(F_WRLCK, number, low);
  return isFound(fd);
}

function isFound(fd: number): boolean {
  checkZero(libc().fcntlLock(fd, F_OFD_GETLK, flockBytes), "fcntl");
  return (flock[0]! & 0xffff) !== F_UNLCK;
}
