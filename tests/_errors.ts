/** What the error tests share: every system error is checked in class, code, errno and syscall. */

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { factOf } from "../ffi/platform.ts";
import { isSystemError, type SystemError } from "@mmap/mmap";

/** The call that tells of a file that cannot be extended. */
export const EXTENDING: string = factOf({ linux: "fallocate", darwin: "ftruncate" });

const IS_WINDOWS = Deno.build.os === "windows";

/** What is told where a file would get too long: Windows has no limit for that but the disk. */
export const TOO_LONG = IS_WINDOWS
  ? ["Error", "ENOSPC", 112, "CreateFileMappingW"]
  : ["Error", "EFBIG", 27, EXTENDING];

/** What is told where there are no addresses for a mapping. */
export const NO_ADDRESSES = IS_WINDOWS
  ? ["Error", "ENOMEM", 8, "VirtualAlloc2"]
  : ["Error", "ENOMEM", 12, "mmap"];

// deno-lint-ignore no-explicit-any -- any constructor of an error
type ErrorClass = abstract new (...args: any[]) => Error;

/** Whatever `action` throws; a failure if it does not. */
export function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error("Expected the call to throw");
}

/** A caught value as the system error that it must be. */
export function asSystemError(error: unknown): SystemError {
  if (isSystemError(error)) return error;
  throw new Error("Expected a system error", { cause: error });
}

/** The calls of Windows, by the names of those that do the same elsewhere. */
const CALLS: Readonly<Record<string, readonly string[]>> = {
  open: ["CreateFileW"],
  mmap: ["MapViewOfFile", "MapViewOfFile3", "CreateFileMappingW", "VirtualAlloc2"],
  ftruncate: ["VirtualFree"],
  [EXTENDING]: ["CreateFileMappingW", "SetFileInformationByHandle"],
  shm_open: ["OpenFileMappingW", "CreateFileMappingW"],
  shm_unlink: ["OpenFileMappingW"],
  mprotect: ["VirtualProtect"],
  mlock: ["VirtualLock"],
  msync: ["FlushViewOfFile"],
  process_vm_writev: ["NtWriteVirtualMemory"],
  madvise: ["PrefetchVirtualMemory", "VirtualUnlock"],
};

/** Whether a call is the one that is meant, or Windows' for it. */
function isCall(name: string, meant: string): boolean {
  return name === meant || IS_WINDOWS && CALLS[meant]?.includes(name) === true;
}

/** Checks that an error is of exactly this class; if not, the error that says so has it as its cause. */
export function assertClass(error: unknown, type: ErrorClass, about = String(error)): void {
  const { constructor } = error as Error;
  if (constructor === type) return;
  throw new Error(`Expected ${type.name}: ${about}`, { cause: error });
}

/** Windows has one error for what is not permitted. */
function posixCode(code: string): string {
  return IS_WINDOWS && code === "EPERM" ? "EACCES" : code;
}

/** Checks a caught value: exactly this class, and what C would tell. */
export function assertSystemError(
  caught: unknown,
  type: ErrorClass,
  code: string,
  syscall: string,
): SystemError {
  const error = asSystemError(caught);
  assertInstanceOf(error, type);
  const call = isCall(error.syscall, syscall) ? syscall : error.syscall;
  assertEquals([posixCode(error.code), call], [posixCode(code), syscall]);
  assertEquals(error.constructor, type);
  assert(error.message.includes(`(os error ${error.errno}): ${error.syscall}`), error.message);
  return error;
}

/** Checks that `action` throws that system error. */
export function assertThrowsSystem(
  action: () => unknown,
  type: ErrorClass,
  code: string,
  syscall: string,
): SystemError {
  return assertSystemError(thrownBy(action), type, code, syscall);
}

/** Checks that a promise is rejected with that system error. */
export async function assertRejectsSystem(
  action: () => Promise<unknown>,
  type: ErrorClass,
  code: string,
  syscall: string,
): Promise<SystemError> {
  const [result] = await Promise.allSettled([action()]);
  assertEquals(result.status, "rejected");
  return assertSystemError((result as PromiseRejectedResult).reason, type, code, syscall);
}
