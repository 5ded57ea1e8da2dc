/** Waiting for words, from Apple's documentation and headers; untested. */

import { systemError } from "../../../ffi/call.ts";
import {
  OS_SYNC_SHARED,
  UL_COMPARE_AND_WAIT_SHARED,
  ULF_NO_ERRNO,
} from "../../../ffi/constants.ts";
import { errnoName, lastErrno } from "../../../ffi/errno.ts";
import { libc } from "../../../ffi/libc.ts";
import type { SystemWord, WaitingSystem, WaitResult } from "../waiting_system.ts";

export const waiting: WaitingSystem = { wait, wake, many: () => undefined };

function wait({ pointer }: SystemWord, expected: number, timeoutMs: number): WaitResult {
  const { os_sync_wait_on_address_with_timeout, __ulock_wait } = libc();
  const value = BigInt(expected >>> 0);
  let errno = 0;
  if (os_sync_wait_on_address_with_timeout !== null) {
    const nanoseconds = BigInt(Math.ceil(timeoutMs * 1e6));
    const OS_CLOCK_MACH_ABSOLUTE_TIME = 32;
    const result = os_sync_wait_on_address_with_timeout(
      pointer,
      value,
      4n,
      OS_SYNC_SHARED,
      OS_CLOCK_MACH_ABSOLUTE_TIME,
      nanoseconds,
    );
    errno = result >= 0 ? 0 : lastErrno();
  } else if (__ulock_wait !== null) {
    const operation = UL_COMPARE_AND_WAIT_SHARED | ULF_NO_ERRNO;
    errno = -Math.min(0, __ulock_wait(operation, pointer, value, Math.ceil(timeoutMs * 1e3)));
  }
  const code = errno === 0 ? "" : errnoName(errno);
  if (code === "" || code === "EINTR") return "ok"; // also if the value differed: callers look at it again
  if (code === "ETIMEDOUT") return "timed-out";
  throw systemError(errno, "os_sync_wait_on_address");
}

function wake({ pointer }: SystemWord, count: number): number {
  const { os_sync_wake_by_address_any, __ulock_wake } = libc();
  let woken = 0;
  while (woken < count) {
    const failed = os_sync_wake_by_address_any !== null
      ? os_sync_wake_by_address_any(pointer, 4n, OS_SYNC_SHARED) !== 0
      : __ulock_wake!(UL_COMPARE_AND_WAIT_SHARED | ULF_NO_ERRNO, pointer, 0n) !== 0;
    if (failed) break; // ENOENT: no waiter is left
    woken++;
  }
  return woken;
}
