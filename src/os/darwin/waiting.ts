/**
 * Waiting for words. From macOS 14.4 on there are calls for it, `os_sync_…`; what they are made of,
 * `__ulock_…`, is private, and older. Both wait for the same thing: a place in an object.
 *
 * The kernel looks at a word in a moment in which it can fetch no page: EFAULT says that its page was not
 * in memory just then. So that is a wake-up for nothing: whoever looks at the word again brings it in.
 */

import { required, systemError } from "../../../ffi/call.ts";
import { OS_SYNC_SHARED } from "../../../ffi/constants.ts";
import { errnoName } from "../../../ffi/errno.ts";
import { libc, threadErrno } from "../../../ffi/libc.ts";
import { addressOf } from "../../../ffi/memory.ts";
import type { SystemWord, WaitingSystem, WaitResult } from "../waiting_system.ts";
import { ParkedCalls } from "./parked_calls.ts";
import { nanoseconds, OPERATION, wakeAll, wakeAt } from "./ulock.ts";

let parked: ParkedCalls | undefined;

export const waiting: WaitingSystem = { wait, wake, many: () => parked ??= new ParkedCalls() };

const OS_CLOCK_MACH_ABSOLUTE_TIME = 32;

function wait({ pointer }: SystemWord, expected: number, timeoutMs: number): WaitResult {
  const { os_sync_wait_on_address_with_timeout, __ulock_wait } = libc();
  const value = BigInt(expected >>> 0);
  let errno: number;
  if (os_sync_wait_on_address_with_timeout !== null) {
    const result = os_sync_wait_on_address_with_timeout(
      pointer,
      value,
      4n,
      OS_SYNC_SHARED,
      OS_CLOCK_MACH_ABSOLUTE_TIME,
      nanoseconds(timeoutMs),
    );
    errno = result >= 0 ? 0 : threadErrno[0]!;
  } else {
    const microseconds = Math.max(1, Math.ceil(timeoutMs * 1e3)); // 0 has no end
    const call = required(__ulock_wait, "__ulock_wait");
    errno = -Math.min(0, call(OPERATION, pointer, value, microseconds));
  }
  switch (errno === 0 ? "" : errnoName(errno)) {
    case "": // also if the value was another: callers look
    case "EINTR":
    case "EFAULT":
      return "ok";
    case "ETIMEDOUT":
      return "timed-out";
    default:
      throw systemError(errno, "os_sync_wait_on_address");
  }
}

/** From here on all are woken at once: each single one is a call. */
const MANY = 16;

/**
 * A thread that was woken counts as one that waits until it has run: a call that finds none but such
 * says that it has woken one. So the result may be too large, and "all" must not be a loop.
 */
function wake({ pointer }: SystemWord, count: number): number {
  const address = addressOf(pointer);
  if (count >= MANY) return wakeAll(address) ? 1 : 0;
  let woken = 0;
  while (woken < count && wakeAt(address)) woken++;
  return woken;
}
