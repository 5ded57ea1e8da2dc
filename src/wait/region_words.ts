/** Words in a region: the kernel waits and wakes (futex), for all processes that map it. */

import { systemError } from "../../ffi/call.ts";
import {
  FUTEX_WAIT,
  FUTEX_WAKE,
  OS_SYNC_SHARED,
  SYS_futex,
  UL_COMPARE_AND_WAIT_SHARED,
  ULF_NO_ERRNO,
} from "../../ffi/constants.ts";
import { errnoName, lastErrno } from "../../ffi/errno.ts";
import { libc } from "../../ffi/libc.ts";
import { pointerAt } from "../../ffi/memory.ts";
import { platform } from "../../ffi/platform.ts";
import type { RegionCore } from "../region/core.ts";
import { coreOf, MmapRegion } from "../region/mmap_region.ts";
import type { LossWatch } from "../mapping/loss.ts";
import { lossWatchOf as groundOf } from "./loss_watches.ts";
import { type Threads, threadsOf } from "./holder.ts";
import { waitTogether } from "./waiter.ts";
import type { WaitResult, Words } from "./words.ts";

/** The words of one primitive; they follow the region when it is resized. */
export class RegionWords implements Words {
  readonly threads: Threads;
  readonly ground: LossWatch;
  readonly #core: RegionCore;
  readonly #byteOffset: number;
  readonly #byteLength: number;
  readonly #end: number;
  readonly #action: string;
  #cells: Int32Array;

  /** @param need "read" is enough to wait */
  constructor(
    region: MmapRegion,
    byteOffset: number,
    byteLength: number,
    action: string,
    need: "read" | "read-write" = "read-write",
  ) {
    if (!(region instanceof MmapRegion)) {
      throw new TypeError(`Cannot ${action} as it needs a MmapRegion or a SharedArrayBuffer`);
    }
    if (region.access === "read" && need !== "read") {
      throw new TypeError(`Cannot ${action} as the region must have access "read-write"`);
    }
    this.#core = coreOf(region);
    this.threads = threadsOf(this.#core);
    this.#byteOffset = byteOffset;
    this.#byteLength = byteLength;
    this.#end = byteOffset + byteLength;
    this.#action = action;
    this.#cells = this.#view();
    this.ground = groundOf(this.#core, { byteOffset, byteLength });
  }

  get cells(): Int32Array {
    // A closed region has detached the old view, and so has one that was resized; unless it was in its
    // reserve, where it may be too short now.
    if (this.#cells.length === 0 || this.#core.byteLength < this.#end) {
      this.#cells = this.#view();
    }
    return this.#cells;
  }

  get userBuffer(): ArrayBuffer {
    return this.#core.live(this.#action).buffer;
  }

  #view(): Int32Array {
    const { buffer, byteOffset, byteLength } = this.#core.ownWindow(this.#action);
    if (this.#byteOffset + this.#byteLength > byteLength) {
      throw new RangeError(
        `Cannot ${this.#action} as it must lie within ${byteLength} bytes: ` +
          `received byteOffset ${this.#byteOffset}, and it takes ${this.#byteLength}`,
      );
    }
    // Some words are changed two at a time, see `pair.ts`.
    if (byteOffset % 8 !== 0) {
      throw new RangeError(
        `Cannot ${this.#action} as the region must begin at a multiple of 8: ` +
          `received byteOffset ${this.#core.facts.byteOffset}`,
      );
    }
    return new Int32Array(buffer, byteOffset + this.#byteOffset, this.#byteLength / 4);
  }

  /** The word that was asked for last, which mostly is the next one too. */
  #known: { base: Deno.PointerObject; index: number; pointer: Deno.PointerObject } | undefined;

  #pointer(index: number): Deno.PointerObject {
    const base = this.#core.live(this.#action).pointer;
    if (this.#known?.base === base && this.#known.index === index) return this.#known.pointer;
    const pointer = pointerAt(base, this.#core.lead + this.#byteOffset + 4 * index);
    this.#known = { base, index, pointer };
    return pointer;
  }

  waitSync(index: number, expected: number, timeoutMs: number): WaitResult {
    return platform().os === "darwin"
      ? darwinWait(this.#pointer(index), expected, timeoutMs)
      : linuxWait(this.#pointer(index), expected, timeoutMs, () => this.#look(index));
  }

  /** Whoever sleeps on a page touches it now and then: only then it is known to be there. */
  #look(index: number): void {
    Atomics.load(this.cells, index);
    this.ground.check();
  }

  wait(
    index: number,
    expected: number,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<WaitResult> {
    const mapping = this.#core.live(this.#action);
    const { cells, ground } = this;
    const word = { cells, index, pointer: this.#pointer(index), ground };
    return mapping.whilePinned(() => waitTogether(word, expected, timeoutMs, signal));
  }

  beforeEnd(end: () => void): () => void {
    return this.#core.beforeClose(end);
  }

  wake(index: number, count: number): number {
    const pointer = this.#pointer(index);
    return platform().os === "darwin" ? darwinWake(pointer, count) : linuxWake(pointer, count);
  }
}

/** The longest single system call, so that a terminated Worker does not sleep for ever. */
const LONGEST_MS = 1000;

const FUTEX_NUMBER = BigInt(SYS_futex ?? 0);

const timespec = new BigInt64Array(2); // 0 time_t tv_sec, 8 long tv_nsec
const timespecBytes = new Uint8Array(timespec.buffer);
let timespecMs = 0;

function linuxWait(
  pointer: Deno.PointerObject,
  expected: number,
  timeoutMs: number,
  look: () => void,
): WaitResult {
  if (timeoutMs <= LONGEST_MS) return linuxWaitOnce(pointer, expected, timeoutMs);
  const deadline = performance.now() + timeoutMs;
  for (let leftMs = timeoutMs; leftMs > 0; leftMs = deadline - performance.now()) {
    const result = linuxWaitOnce(pointer, expected, Math.min(leftMs, LONGEST_MS));
    if (result !== "timed-out") return result;
    look();
  }
  return "timed-out";
}

function linuxWaitOnce(pointer: Deno.PointerObject, expected: number, ms: number): WaitResult {
  if (ms <= 0) return "timed-out";
  setTimespec(ms);
  const { futex } = libc();
  const word = expected >>> 0;
  if (futex(FUTEX_NUMBER, pointer, FUTEX_WAIT, word, timespecBytes, null, 0) === 0) return "ok";
  const errno = lastErrno();
  switch (errnoName(errno)) {
    case "EAGAIN":
      return "not-equal";
    case "ETIMEDOUT":
      return "timed-out";
    case "EINTR":
      return "ok"; // for nothing, as a wake-up may be
    case "EFAULT":
      return "ok"; // the page is not there: whoever looks at the word finds that out
    default:
      throw systemError(errno, "futex");
  }
}

/** Most waits are slices of one length: then it stands there already. */
function setTimespec(ms: number): void {
  if (ms === timespecMs) return;
  timespecMs = ms;
  timespec[0] = BigInt(Math.floor(ms / 1000));
  timespec[1] = BigInt(Math.ceil((ms % 1000) * 1e6));
}

function linuxWake(pointer: Deno.PointerObject, count: number): number {
  const woken = libc().futex(FUTEX_NUMBER, pointer, FUTEX_WAKE, count, null, null, 0);
  if (woken >= 0) return woken;
  const errno = lastErrno();
  if (errnoName(errno) === "EFAULT") return 0; // the page is not there, and nobody sleeps on it
  throw systemError(errno, "futex");
}

/** Written from Apple's documentation and headers; untested. */
function darwinWait(pointer: Deno.PointerObject, expected: number, timeoutMs: number): WaitResult {
  const { os_sync_wait_on_address_with_timeout, __ulock_wait } = libc();
  const sliceMs = Math.min(timeoutMs, LONGEST_MS);
  const value = BigInt(expected >>> 0);
  let errno = 0;
  if (os_sync_wait_on_address_with_timeout !== null) {
    const nanoseconds = BigInt(Math.ceil(sliceMs * 1e6));
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
    errno = -Math.min(0, __ulock_wait(operation, pointer, value, Math.ceil(sliceMs * 1e3)));
  }
  const code = errno === 0 ? "" : errnoName(errno);
  if (code === "" || code === "EINTR") return "ok"; // also if the value was another: callers look
  if (code === "ETIMEDOUT") return sliceMs === timeoutMs ? "timed-out" : "ok";
  throw systemError(errno, "os_sync_wait_on_address");
}

/** Written from Apple's documentation and headers; untested. */
function darwinWake(pointer: Deno.PointerObject, count: number): number {
  const { os_sync_wake_by_address_any, __ulock_wake } = libc();
  let woken = 0;
  while (woken < count) {
    const failed = os_sync_wake_by_address_any !== null
      ? os_sync_wake_by_address_any(pointer, 4n, OS_SYNC_SHARED) !== 0
      : __ulock_wake!(UL_COMPARE_AND_WAIT_SHARED | ULF_NO_ERRNO, pointer, 0n) !== 0;
    if (failed) break; // ENOENT: nobody waits any more
    woken++;
  }
  return woken;
}
