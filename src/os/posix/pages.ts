/** Mapped pages: protection, locking, write-back, and residency. */

import { checkZero, systemError } from "../../../ffi/call.ts";
import { F_FULLFSYNC, MS_ASYNC, MS_SYNC } from "../../../ffi/constants.ts";
import { libc, threadErrno } from "../../../ffi/libc.ts";
import type { Range } from "../../../ffi/memory.ts";
import { pageSize } from "../../../ffi/file_calls.ts";
import type { Durability, OpenObject, Protection } from "../system.ts";
import { PROTECTION_BITS } from "./ranges.ts";

/** @throws the system error of `mprotect` */
export function protect(
  { pointer, byteLength }: Range,
  protection: Protection,
  subject: string | undefined,
): void {
  const bits = PROTECTION_BITS[protection];
  checkZero(
    libc().mprotect(pointer, BigInt(byteLength), bits),
    threadErrno[0]!,
    "mprotect",
    subject,
  );
}

/** @throws the system error of `mlock` */
export function lock({ pointer, byteLength }: Range): void {
  checkZero(libc().mlock(pointer, BigInt(byteLength)), threadErrno[0]!, "mlock");
}

/** @throws the system error of `munlock` */
export function unlock({ pointer, byteLength }: Range): void {
  checkZero(libc().munlock(pointer, BigInt(byteLength)), threadErrno[0]!, "munlock");
}

/** @throws the system error of `msync` or `fsync` */
export function flush(
  { pointer, byteLength }: Range,
  durability: Durability,
  object: OpenObject | undefined,
): void {
  const { msync, fsync, fcntl } = libc();
  const flags = durability === "memory" ? MS_ASYNC : MS_SYNC;
  checkZero(msync(pointer, BigInt(byteLength), flags), threadErrno[0]!, "msync");
  if (durability !== "disk" || object === undefined) return;
  if (F_FULLFSYNC !== undefined && fcntl(object, F_FULLFSYNC, 0n) === 0) return;
  checkZero(fsync(object), threadErrno[0]!, "fsync");
}

const EIO = 5;

/** See `MemorySystem.flushOffThread`. */
export async function flushOffThread(
  { pointer, byteLength }: Range,
  durability: Durability,
  object: OpenObject | undefined,
): Promise<Error | undefined> {
  const { msyncOffThread, fsyncOffThread } = libc();
  if (await msyncOffThread(pointer, BigInt(byteLength), MS_SYNC) !== 0) {
    return systemError(EIO, "msync");
  }
  if (durability !== "disk" || object === undefined) return undefined;
  return await fsyncOffThread(object) === 0 ? undefined : systemError(EIO, "fsync");
}

/** @throws the system error of `mincore` */
export function residency({ pointer, byteLength }: Range): Uint8Array<ArrayBuffer> {
  const map = new Uint8Array(byteLength / pageSize());
  checkZero(libc().mincore(pointer, BigInt(byteLength), map), threadErrno[0]!, "mincore");
  for (let i = 0; i < map.length; i++) map[i]! &= 1; // the other bits are not specified
  return map;
}
