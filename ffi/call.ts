/**
 * From C's return conventions to exceptions: one checker per convention, and the only place where
 * a system error is made.
 */

import { ENOSYS, errnoName, errnoText } from "./errno.ts";

/** An error that a system call reported: Deno's class for it, and the facts that C gives. */
export interface SystemError extends Error {
  /** The C name of the error number, such as "EACCES". */
  readonly code: string;
  /** The error number. */
  readonly errno: number;
  /** The call that failed, such as "mmap". */
  readonly syscall: string;
}

/** The address that a failed `mmap` or `mremap` returns: `(void *) -1`. */
export const MAP_FAILED = 2n ** 64n - 1n;

/** The name of Deno's own class for each error, in `Deno.errors`: elsewhere this module is loaded, too. */
const CLASSES: Readonly<Record<string, keyof typeof Deno.errors>> = {
  EPERM: "PermissionDenied",
  EACCES: "PermissionDenied",
  ENOENT: "NotFound",
  EEXIST: "AlreadyExists",
  EAGAIN: "WouldBlock",
  ETIMEDOUT: "TimedOut",
  EINTR: "Interrupted",
  EBUSY: "Busy",
  EISDIR: "IsADirectory",
  ENOTDIR: "NotADirectory",
  ELOOP: "FilesystemLoop",
  ENOSYS: "NotSupported",
  ENOTSUP: "NotSupported",
  EOPNOTSUPP: "NotSupported",
  EPIPE: "BrokenPipe",
  ECONNREFUSED: "ConnectionRefused",
  ECONNRESET: "ConnectionReset",
  EADDRINUSE: "AddrInUse",
};

/** `Error` stands for all that Deno has no class for. */
function classOf(code: string): new (message: string) => Error {
  if (code === "EINVAL") return TypeError;
  const name = CLASSES[code];
  return name === undefined ? Error : Deno.errors[name];
}

/** What a failed call says. */
interface Failure {
  readonly code: string;
  readonly errno: number;
  /** The system's text for it. */
  readonly text: string;
  readonly syscall: string;
  readonly subject: string | undefined;
}

/**
 * The exception for a failed call, in Deno's wording:
 * `Permission denied (os error 13): mmap 'data.bin'`.
 */
export function newSystemError({ code, errno, text, syscall, subject }: Failure): SystemError {
  const about = subject === undefined ? "" : ` '${subject}'`;
  const message = `${text} (os error ${errno}): ${syscall}${about}`;
  return Object.assign(new (classOf(code))(message), { code, errno, syscall });
}

/**
 * The exception for a failed call of libc.
 *
 * @param subject what the call was about, mostly a path; quoted at the end of the message
 */
export function systemError(errno: number, syscall: string, subject?: string): SystemError {
  const code = errnoName(errno);
  return newSystemError({ code, errno, text: errnoText(errno), syscall, subject });
}

/**
 * Whether a caught value is an error that a system call reported.
 *
 * @example Telling a full disk from other failures
 * ```ts
 * import { isSystemError, MmapRegion } from "@mmap/mmap";
 * import { assertEquals } from "@std/assert";
 *
 * try {
 *   MmapRegion.open("/no/such/file");
 * } catch (error) {
 *   if (!isSystemError(error)) throw error;
 *   assertEquals([error.code, error.syscall], ["ENOENT", "open"]);
 * }
 * ```
 */
export function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && "code" in error && typeof error.code === "string" &&
    "errno" in error && typeof error.errno === "number" &&
    "syscall" in error && typeof error.syscall === "string";
}

/**
 * Checks calls that return 0, or -1 and errno.
 *
 * @param errno `threadErrno[0]`, read right behind the call
 */
export function checkZero(
  result: number,
  errno: number,
  syscall: string,
  subject?: string,
): void {
  if (result !== 0) throw systemError(errno, syscall, subject);
}

/** Checks calls that return a count or a descriptor, or -1 and errno. */
export function checkCount(
  result: number | bigint,
  errno: number,
  syscall: string,
  subject?: string,
): number {
  if (result < 0) throw systemError(errno, syscall, subject);
  return Number(result);
}

/** Checks calls that return an address, or MAP_FAILED and errno. */
export function checkPointer(
  result: Deno.PointerValue,
  errno: number,
  syscall: string,
  subject?: string,
): Deno.PointerObject {
  if (result === null || Deno.UnsafePointer.value(result) === MAP_FAILED) {
    throw systemError(errno, syscall, subject);
  }
  return result;
}

/** Checks the `posix_*` calls, which return the error number itself. */
export function checkErrno(errno: number, syscall: string, subject?: string): void {
  if (errno !== 0) throw systemError(errno, syscall, subject);
}

/** Repeats a call that a signal interrupted. */
export function retryInterrupted<T>(call: () => T): T {
  while (true) {
    try {
      return call();
    } catch (error) {
      if (!(error instanceof Deno.errors.Interrupted)) throw error;
    }
  }
}

/** An optional symbol, or the error that C gives for a call that the system does not have. */
export function required<T>(symbol: T | null, syscall: string): T {
  if (symbol !== null && symbol !== undefined) return symbol;
  throw systemError(ENOSYS, syscall);
}
