/** The calling thread: its number, and descriptors that end with it. */

import { cString } from "./arguments.ts";
import { checkCount, checkZero } from "./call.ts";
import { MFD_CLOEXEC, O_CLOEXEC, O_RDONLY, SYS_gettid } from "./constants.ts";
import { threadNumber } from "./darwin.ts";
import { close, memfd_create, open } from "./file_calls.ts";
import { libc, threadErrno } from "./libc.ts";
import { factOf, platform } from "./platform.ts";
import type { DarwinLibc, Libc } from "./symbols.ts";

const RTLD_DEFAULT = factOf({ linux: 0n, darwin: 2n ** 64n - 2n });
const F_SETFD = 2;
const FD_CLOEXEC = 1;

/** Linux's `gettid`; on macOS, which numbers threads with 64 bits, the lower half of that. */
export function threadId(): number {
  return platform().os === "linux"
    ? Number(libc().gettid(BigInt(SYS_gettid)))
    : Number(threadNumber() & 0xffffffffn);
}

/** Whether this is the thread of the main program, and of no Worker. */
export function isMainThread(): boolean {
  return platform().os === "darwin" ? ofDarwin().pthread_main_np() === 1 : threadId() === Deno.pid;
}

function ofDarwin(): DarwinLibc {
  return libc() as Libc & DarwinLibc;
}

/**
 * Descriptors that libc closes when this thread ends. That cannot be called off, so the number of one
 * that was given back is kept for the next one, with an empty file in its place.
 */
const tied = new Set<number>();
const spare: number[] = [];
let empty: number | undefined;

/**
 * Has a descriptor closed when this thread ends, as a Worker's does that is terminated. The main
 * thread ends with its process anyway; where libc cannot do it, the process's end closes it too.
 *
 * @param fd taken over
 * @returns the descriptor to use in its place
 */
export function tieToThread(fd: number): number {
  const number = spare.pop();
  if (number !== undefined) {
    replace(number, fd);
    close(fd);
    return number;
  }
  // Before it is needed: nothing may fail when a descriptor is given back.
  if (!isMainThread() && emptyFile() !== undefined && closeAtEnd(fd)) tied.add(fd);
  return fd;
}

/** Closes what `tieToThread` gave. */
export function closeTied(fd: number): void {
  if (!tied.has(fd)) {
    close(fd);
    return;
  }
  replace(fd, emptyFile()!);
  spare.push(fd);
}

/** Has a descriptor lead where another one does. */
function replace(fd: number, other: number): void {
  const { dup3, fcntl } = libc();
  if (dup3 !== null) {
    checkCount(dup3(other, fd, O_CLOEXEC), threadErrno[0]!, "dup3");
    return;
  }
  // macOS has no call for both. A program that is being started may get it: as long as that runs, too,
  // a file is open that nobody has locked any more.
  checkCount(ofDarwin().dup2(other, fd), threadErrno[0]!, "dup2");
  checkZero(fcntl(fd, F_SETFD, BigInt(FD_CLOEXEC)), threadErrno[0]!, "fcntl");
}

function closeAtEnd(fd: number): boolean {
  const { dlsym, threadAtExit } = libc();
  if (dlsym === null) return false;
  const closing = dlsym(RTLD_DEFAULT, cString("close", "symbol", "dlsym"));
  if (closing === null) return false;
  if (threadAtExit !== null) return threadAtExit(closing, BigInt(fd), 0n) === 0;
  const { tlvAtExit } = ofDarwin();
  tlvAtExit?.(closing, BigInt(fd));
  return typeof tlvAtExit === "function";
}

/** Undefined where nothing can be closed at the thread's end. */
function emptyFile(): number | undefined {
  if (empty !== undefined) return empty;
  const fd = platform().os === "linux"
    ? memfd_create("mmap spare", MFD_CLOEXEC)
    : open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (closeAtEnd(fd)) return empty = fd;
  close(fd);
  return undefined;
}
