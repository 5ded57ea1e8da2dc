/** The calling thread: its number, and descriptors that end with it. */

import { cString } from "./arguments.ts";
import { checkCount } from "./call.ts";
import { MFD_CLOEXEC, O_CLOEXEC, SYS_gettid } from "./constants.ts";
import { threadNumber } from "./darwin.ts";
import { close, memfd_create } from "./file_calls.ts";
import { libc, threadErrno } from "./libc.ts";
import { platform } from "./platform.ts";

/** Linux's `gettid`; on macOS, which numbers threads with 64 bits, the lower half of that. */
export function threadId(): number {
  return platform().os === "linux"
    ? Number(libc().gettid(BigInt(SYS_gettid)))
    : Number(threadNumber() & 0xffffffffn);
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
    checkCount(libc().dup3!(fd, number, O_CLOEXEC), threadErrno[0]!, "dup3");
    close(fd);
    return number;
  }
  // Before it is needed: nothing may fail when a descriptor is given back.
  if (threadId() !== Deno.pid && emptyFile() !== undefined && closeAtEnd(fd)) tied.add(fd);
  return fd;
}

/** Closes what `tieToThread` gave. */
export function closeTied(fd: number): void {
  if (!tied.has(fd)) {
    close(fd);
    return;
  }
  checkCount(libc().dup3!(emptyFile()!, fd, O_CLOEXEC), threadErrno[0]!, "dup3");
  spare.push(fd);
}

function closeAtEnd(fd: number): boolean {
  const { dlsym, dup3, threadAtExit } = libc();
  if (dlsym === null || dup3 === null || threadAtExit === null) return false;
  const closing = dlsym(0n, cString("close", "symbol", "dlsym"));
  return closing !== null && threadAtExit(closing, BigInt(fd), 0n) === 0;
}

/** Undefined where nothing can be closed at the thread's end. */
function emptyFile(): number | undefined {
  if (empty !== undefined) return empty;
  const fd = memfd_create("mmap spare", MFD_CLOEXEC);
  if (closeAtEnd(fd)) return empty = fd;
  close(fd);
  return undefined;
}
