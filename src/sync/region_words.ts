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
import { coreOf } from "../region/mapped_bytes.ts";
import { MmapRegion } from "../region/mmap_region.ts";
import { waitTogether } from "./waiter.ts";
import type { WaitResult, Words } from "./words.ts";

/** The words of one primitive; they follow the region when it is resized. */
export class RegionWords implements Words {
  readonly #core: RegionCore;
  readonly #byteOffset: number;
  readonly #byteLength: number;
  readonly #action: string;
  #cells: Int32Array;

  constructor(region: MmapRegion, byteOffset: number, byteLength: number, action: string) {
    if (!(region instanceof MmapRegion)) {
      throw new TypeError(`Cannot ${action} as it needs a MmapRegion or a SharedArrayBuffer`);
    }
    if (region.access === "read") {
      throw new TypeError(`Cannot ${action} as the region must have access "read-write"`);
    }
    this.#core = coreOf(region);
    this.#byteOffset = byteOffset;
    this.#byteLength = byteLength;
    this.#action = action;
    this.#cells = this.#view();
  }

  get cells(): Int32Array {
    // A resized or closed region has detached the old view.
    if (this.#cells.length === 0) this.#cells = this.#view();
    return this.#cells;
  }

  #view(): Int32Array {
    const { buffer, byteOffset, byteLength } = this.#core.window(this.#action);
    if (this.#byteOffset + this.#byteLength > byteLength) {
      throw new RangeError(
        `Cannot ${this.#action} as it must lie within ${byteLength} bytes: ` +
          `received byteOffset ${this.#byteOffset}, and it takes ${this.#byteLength}`,
      );
    }
    if (byteOffset % 4 !== 0) {
      throw new RangeError(
        `Cannot ${this.#action} as the region must begin at a multiple of 4: ` +
          `received byteOffset ${this.#core.facts.byteOffset}`,
      );
    }
    return new Int32Array(buffer, byteOffset + this.#byteOffset, this.#byteLength / 4);
  }

  #pointer(index: number): Deno.PointerObject {
    const { pointer } = this.#core.live(this.#action);
    return pointerAt(pointer, this.#core.lead + this.#byteOffset + 4 * index);
  }

  waitSync(index: number, expected: number, timeoutMs: number): WaitResult {
    return platform().os === "darwin"
      ? darwinWait(this.#pointer(index), expected, timeoutMs)
      : linuxWait(this.#pointer(index), expected, timeoutMs);
  }

  wait(
    index: number,
    expected: number,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<WaitResult> {
    const mapping = this.#core.live(this.#action);
    const word = { cells: this.cells, index, pointer: this.#pointer(index) };
    return mapping.whilePinned(() => waitTogether(word, expected, timeoutMs, signal));
  }

  wake(index: number, count: number): number {
    const pointer = this.#pointer(index);
    return platform().os === "darwin" ? darwinWake(pointer, count) : linuxWake(pointer, count);
  }
}

/** The longest single system call, so that a terminated Worker does not sleep for ever. */
const LONGEST_MS = 1000;

const timespec = new BigInt64Array(2); // 0 time_t tv_sec, 8 long tv_nsec
const timespecBytes = new Uint8Array(timespec.buffer);

function linuxWait(pointer: Deno.PointerObject, expected: number, timeoutMs: number): WaitResult {
  const deadline = performance.now() + timeoutMs;
  for (let leftMs = timeoutMs; leftMs > 0; leftMs = deadline - performance.now()) {
    const sliceNs = Math.ceil(Math.min(leftMs, LONGEST_MS) * 1e6);
    timespec[0] = BigInt(Math.floor(sliceNs / 1e9));
    timespec[1] = BigInt(sliceNs % 1e9);
    const { futex } = libc();
    const result = futex(
      BigInt(SYS_futex),
      pointer,
      FUTEX_WAIT,
      expected >>> 0,
      timespecBytes,
      null,
      0,
    );
    if (result === 0n) return "ok";
    const errno = lastErrno();
    const code = errnoName(errno);
    if (code === "EAGAIN") return "not-equal";
    if (code !== "ETIMEDOUT" && code !== "EINTR") throw systemError(errno, "futex");
  }
  return "timed-out";
}

function linuxWake(pointer: Deno.PointerObject, count: number): number {
  const woken = libc().futex(BigInt(SYS_futex), pointer, FUTEX_WAKE, count, null, null, 0);
  if (woken >= 0n) return Number(woken);
  throw systemError(lastErrno(), "futex");
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
