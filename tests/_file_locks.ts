/** Locks in files, as other programs take them. */

import { assertEquals } from "@std/assert";
import { F_OFD_SETLK, F_UNLCK, F_WRLCK, O_RDWR } from "../ffi/constants.ts";
import { close, open } from "../ffi/file_calls.ts";
import { libc } from "../ffi/libc.ts";
import { factOf } from "../ffi/platform.ts";
import { wide, windows } from "../ffi/windows/library.ts";
import { overlappedAt } from "../src/os/windows/size.ts";

/** Locks all bytes from `from` on. @returns gives them back */
export function lockRange(path: string, type: number, from: bigint): () => void {
  if (Deno.build.os === "windows") {
    return lockByWindows(path, type === F_WRLCK, from, 2n ** 63n - 1n - from);
  }
  const fd = open(path, O_RDWR);
  const flock = new DataView(new ArrayBuffer(32));
  const [typeAt, startAt] = factOf({ linux: [0, 8], darwin: [20, 0] } as const);
  const set = (kind: number): void => {
    flock.setInt16(typeAt, kind, true);
    flock.setBigInt64(startAt, from, true);
    assertEquals(libc().fcntlLock(fd, F_OFD_SETLK, new Uint8Array(flock.buffer)), 0);
  };
  set(type);
  return () => {
    set(F_UNLCK);
    close(fd);
  };
}

/** Locks so many bytes on Windows. @returns gives them back */
export function lockByWindows(
  path: string,
  exclusive: boolean,
  from: bigint,
  count: bigint,
): () => void {
  const { CloseHandle, CreateFileW, LockFileEx } = windows();
  const [GENERIC_READ, GENERIC_WRITE, SHARED, OPEN_EXISTING] = [0x80000000, 0x40000000, 7, 3];
  const access = (GENERIC_READ | GENERIC_WRITE) >>> 0;
  const file = BigInt(CreateFileW(wide(path), access, SHARED, null, OPEN_EXISTING, 0, 0n));
  const [low, high] = [Number(count & 0xffffffffn), Number(count >> 32n)];
  const flags = exclusive ? 3 : 1; // at once
  assertEquals(LockFileEx(file, flags, 0, low, high, overlappedAt(from)), 1);
  return () => void CloseHandle(file);
}
