/** The errors of Windows: their names, their texts, and the checkers of calls. */

import { newSystemError, type SystemError } from "../call.ts";
import { fromWide, newStruct, windows } from "./library.ts";

export const ERROR_FILE_NOT_FOUND = 2;
export const ERROR_PATH_NOT_FOUND = 3;
export const ERROR_ACCESS_DENIED = 5;
export const ERROR_INVALID_HANDLE = 6;
export const ERROR_NOT_ENOUGH_MEMORY = 8;
export const ERROR_LOCK_VIOLATION = 33;
export const ERROR_NOT_SUPPORTED = 50;
export const ERROR_INVALID_PARAMETER = 87;
export const ERROR_BROKEN_PIPE = 109;
export const ERROR_DISK_FULL = 112;
export const ERROR_CALL_NOT_IMPLEMENTED = 120;
export const ERROR_PROC_NOT_FOUND = 127;
export const ERROR_NOT_LOCKED = 158;
export const ERROR_ALREADY_EXISTS = 183;
export const ERROR_PIPE_BUSY = 231;
export const ERROR_NO_DATA = 232;
export const ERROR_PIPE_NOT_CONNECTED = 233;
export const ERROR_MORE_DATA = 234;
export const ERROR_PIPE_CONNECTED = 535;
export const ERROR_IO_PENDING = 997;
export const ERROR_NOACCESS = 998;
export const ERROR_USER_MAPPED_FILE = 1224;
export const ERROR_WORKING_SET_QUOTA = 1453;
export const ERROR_COMMITMENT_LIMIT = 1455;
export const ERROR_CANT_RESOLVE_FILENAME = 1921;
export const WSAEADDRINUSE = 10048;

/** POSIX names, as libuv and so Deno's `node:fs` give them; Windows' own where there is none. */
const NAMES: Readonly<Record<number, string>> = {
  1: "EISDIR",
  2: "ENOENT",
  3: "ENOENT",
  4: "EMFILE",
  5: "EACCES",
  6: "EBADF",
  8: "ENOMEM",
  14: "ENOMEM",
  19: "EROFS",
  32: "EBUSY",
  33: "EBUSY",
  39: "ENOSPC",
  50: "ENOSYS",
  80: "EEXIST",
  87: "EINVAL",
  109: "EPIPE",
  112: "ENOSPC",
  120: "ENOSYS",
  123: "ENOENT",
  127: "ERROR_PROC_NOT_FOUND",
  145: "ENOTEMPTY",
  158: "ERROR_NOT_LOCKED",
  161: "ENOENT",
  183: "EEXIST",
  206: "ENAMETOOLONG",
  231: "EBUSY",
  258: "ETIMEDOUT",
  267: "ENOTDIR",
  299: "EFAULT",
  487: "ERROR_INVALID_ADDRESS",
  998: "EFAULT",
  1006: "ERROR_FILE_INVALID",
  1117: "EIO",
  1132: "EINVAL",
  1224: "ERROR_USER_MAPPED_FILE",
  1314: "EPERM",
  1450: "ENOMEM",
  1453: "EAGAIN",
  1455: "ENOMEM",
  1460: "ETIMEDOUT",
  1921: "ELOOP",
  10048: "EADDRINUSE",
};

const FORMAT_MESSAGE_IGNORE_INSERTS = 0x200;
const FORMAT_MESSAGE_FROM_SYSTEM = 0x1000;

/** The system's text for an error. */
function textOf(error: number): string {
  const flags = FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS;
  const text = newStruct(1024);
  const length = windows().FormatMessageW(flags, null, error, 0, text.bytes, 512, null);
  return fromWide(text, length).trim() || "Unknown error";
}

/** The exception for a failed call, in Deno's wording, with Windows' own number as `errno`. */
export function windowsError(errno: number, syscall: string, subject?: string): SystemError {
  const code = NAMES[errno] ?? `ERROR_${errno}`;
  return newSystemError({ code, errno, text: textOf(errno), syscall, subject });
}

/** Checks calls that return a BOOL. @param error `lastError[0]`, read right behind the call */
export function checkTrue(result: number, error: number, syscall: string, subject?: string): void {
  if (result === 0) throw windowsError(error, syscall, subject);
}

/** Checks calls that return a HANDLE, or 0 or -1. */
export function checkHandle(
  result: number,
  error: number,
  syscall: string,
  subject?: string,
): number {
  if (result === 0 || result === -1) throw windowsError(error, syscall, subject);
  return result;
}

/** Checks calls that return an address, or NULL. */
export function checkAddress(
  result: Deno.PointerValue,
  error: number,
  syscall: string,
  subject?: string,
): Deno.PointerObject {
  if (result === null) throw windowsError(error, syscall, subject);
  return result;
}
