/**
 * Waiting for words. From macOS 14.4 on there are calls for it, `os_sync_…`; what they are made of,
 * `__ulock_…`, is private, and older. Both wait for the same thing: a place in an object.
 *
 * The kernel looks at a word in a moment in which it can fetch no page: EFAULT says that its page was not
 * in memory just then. So that is a wake-up for nothing: whoever looks at the word again brings it in.
 */

import { required, systemError } from "../../../ffi/call.ts";
import {
  OS_SYNC_SHARED,
  UL_COMPARE_AND_WAIT_SHARED,
  ULF_NO_ERRNO,
} from "../../../ffi/constants.ts";
import { libSystem } from "../../../ffi/darwin.ts";
import { errnoName } from "../../../ffi/errno.ts";
import { libc, threadErrno } from "../../../ffi/libc.ts";
import { addressOf } from "../../../ffi/memory.ts";
import type {
  ManyWaiting,
  SystemWord,
  WaitEntry,
  WaitingSystem,
  WaitResult,
} from "../waiting_system.ts";

export const waiting: WaitingSystem = { wait, wake, many: () => parked ??= new Parked() };

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

/** None of them is an error for one call, and no end for the other. */
function nanoseconds(timeoutMs: number): bigint {
  return BigInt(Math.max(1, Math.ceil(timeoutMs * 1e6)));
}

const OPERATION = UL_COMPARE_AND_WAIT_SHARED! | ULF_NO_ERRNO!;
const ULF_WAKE_ALL = 0x100;

/** From here on all are woken at once: each single one is a call. */
const MANY = 16;

/**
 * A thread that was woken counts as one that waits until it has run: a call that finds none but such
 * says that it has woken one. So the result may be too large, and "all" must not be a loop.
 */
function wake({ pointer }: SystemWord, count: number): number {
  const address = addressOf(pointer);
  if (count >= MANY) return wakeAt(address, ULF_WAKE_ALL) ? 1 : 0;
  let woken = 0;
  while (woken < count && wakeAt(address, 0)) woken++;
  return woken;
}

/** Wakes one, or all. @returns whether there was somebody */
function wakeAt(address: bigint, flags: number): boolean {
  return libSystem().ulockWake(OPERATION | flags, address, 0n) === 0;
}

/** Each takes a thread of the pool that Deno's file operations use. */
const MAX_WORDS = 4;

let parked: Parked | undefined;

/**
 * A parked call for each word: there is none for several. When one of them ends, the others are woken,
 * and whoever else sleeps on their words: for nothing, as may always be. Nobody's wake-up is lost like
 * this, though a call that nobody needs any more may have got it.
 */
class Parked implements ManyWaiting {
  readonly capacity = MAX_WORDS;
  #interrupt: (() => void) | undefined;

  async park(entries: readonly WaitEntry[], timeoutMs: number): Promise<number | undefined> {
    const interrupted = Promise.withResolvers<undefined>();
    this.#interrupt = () => interrupted.resolve(undefined);
    let left = entries.length;
    const ends = entries.map(async ({ address, expected }, index) => {
      const value = BigInt(expected >>> 0);
      const end = nanoseconds(timeoutMs);
      const { ulockWaitOffThread } = libSystem();
      const result = await ulockWaitOffThread(OPERATION, BigInt(address), value, end, 0n);
      left--;
      return result >= 0 ? index : undefined; // or the time is up, or there was no page
    });
    const woken = await Promise.race([interrupted.promise, ...ends]);
    this.#interrupt = undefined;
    const all = Promise.all(ends);
    while (left > 0) {
      for (const { address } of entries) wakeAt(BigInt(address), ULF_WAKE_ALL);
      await soonOr(all); // a call that had not begun to wait has missed it
    }
    return woken;
  }

  interrupt(): void {
    this.#interrupt?.();
  }
}

const SOON_MS = 1;

async function soonOr(other: Promise<unknown>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, SOON_MS);
  await Promise.race([promise, other]);
  clearTimeout(timer);
}
