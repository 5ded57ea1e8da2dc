/** The calls of `<sys/ulock.h>` that waiting is made of; it is private, and the same since macOS 11. */

import { UL_COMPARE_AND_WAIT_SHARED, ULF_NO_ERRNO } from "../../../ffi/constants.ts";
import { libSystem } from "../../../ffi/darwin.ts";

/** A word of four bytes that processes share. Errors are results, and not errno. */
export const OPERATION = UL_COMPARE_AND_WAIT_SHARED! | ULF_NO_ERRNO!;
const ULF_WAKE_ALL = 0x100;

/** At least one: 0 has no end for some calls, and is an error for others. */
export function nanoseconds(timeoutMs: number): bigint {
  return BigInt(Math.max(1, Math.ceil(timeoutMs * 1e6)));
}

/** Wakes one. @returns whether there was somebody */
export function wakeAt(address: bigint): boolean {
  return libSystem().ulockWake(OPERATION, address, 0n) === 0;
}

/** Wakes all. @returns whether there was somebody */
export function wakeAll(address: bigint): boolean {
  return libSystem().ulockWake(OPERATION | ULF_WAKE_ALL, address, 0n) === 0;
}

/** Waits on another thread. @returns whether it was woken, or the word has another value */
export async function waitOffThread(
  address: bigint,
  expected: number,
  timeoutMs: number,
): Promise<boolean> {
  const value = BigInt(expected >>> 0);
  const { ulockWaitOffThread } = libSystem();
  return await ulockWaitOffThread(OPERATION, address, value, nanoseconds(timeoutMs), 0n) >= 0;
}
