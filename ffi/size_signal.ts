/**
 * Extends files without SIGXFSZ. If a file would exceed RLIMIT_FSIZE, the kernel returns EFBIG and
 * sends that signal to the calling thread, which would end the process.
 */

import type { Size } from "./arguments.ts";
import { isSystemError, systemError } from "./call.ts";
import { fileSizeLimit } from "./darwin.ts";
import { SIG_BLOCK, SIG_SETMASK, SIGXFSZ } from "./constants.ts";
import { libc } from "./libc.ts";

const EFBIG = 27;

/** glibc's and musl's sigset_t. */
const SIGSET_BYTE_LENGTH = 128;

const sizeSignal = new Uint8Array(SIGSET_BYTE_LENGTH);
sizeSignal[(SIGXFSZ - 1) >> 3] = 1 << ((SIGXFSZ - 1) & 7);
const before = new Uint8Array(SIGSET_BYTE_LENGTH);
const atOnce = new Uint8Array(16); // struct timespec

/**
 * Runs a call that may make a file too long. The signal is blocked on this thread meanwhile, and
 * removed if it was sent. The process's own handling of the signal does not change. macOS sends it
 * to the process, whose other threads do not block it: there the call is not made at all.
 *
 * @param byteLength how long the call makes the file; omitted if it does not extend it
 * @throws what `call` throws: EFBIG if the file would be too long
 */
export function withoutSizeSignal<T>(call: () => T, byteLength: Size = 0): T {
  const { sigprocmask, sigtimedwait } = libc();
  if (sigtimedwait === null) {
    if (byteLength > fileSizeLimit()) throw systemError(EFBIG, "ftruncate");
    return call();
  }
  sigprocmask(SIG_BLOCK, sizeSignal, before);
  try {
    return call();
  } catch (error) {
    if (isSystemError(error) && error.code === "EFBIG") sigtimedwait(sizeSignal, null, atOnce);
    throw error;
  } finally {
    sigprocmask(SIG_SETMASK, before, null);
  }
}
