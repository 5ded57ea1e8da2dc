/** Whether anybody has written to a part of a file. */

import { SEEK_DATA } from "../../../ffi/constants.ts";
import { errnoName, lastErrno } from "../../../ffi/errno.ts";
import { libc } from "../../../ffi/libc.ts";

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
    if (byteOffset < 0n) return errnoName(lastErrno()) === "ENXIO"; // only a hole is left
    const count = Number(read(fd, bytes, BigInt(bytes.length)));
    if (count <= 0) return count === 0;
    if (bytes.subarray(0, count).some((byte) => byte !== 0)) return false;
    byteOffset += BigInt(count);
  }
}
