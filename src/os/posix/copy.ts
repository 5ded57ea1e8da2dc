/**
 * Copies between mapped memory and other memory without ever faulting: the kernel copies, and
 * returns EFAULT at a missing page.
 */

import { checkZero, systemError } from "../../../ffi/call.ts";
import { copyBetween } from "../../../ffi/darwin.ts";
import { EFAULT, errnoName } from "../../../ffi/errno.ts";
import { close, pageSize } from "../../../ffi/file_calls.ts";
import { libc, threadErrno } from "../../../ffi/libc.ts";
import { addressOf, pointerFrom, type Range } from "../../../ffi/memory.ts";
import { platform } from "../../../ffi/platform.ts";
import { alignDown, alignUp } from "../arithmetic.ts";
import type { Direction } from "../system.ts";
import { copyZeros } from "../zeros.ts";

/** The kernel refuses single transfers of 2 GiB and more. */
const LARGEST_TRANSFER = 2 ** 30;

/** See `MemorySystem.copy`. */
export function copy(
  direction: Direction,
  local: bigint,
  mapped: bigint,
  byteLength: number,
): number {
  const page = BigInt(SMALLEST_PAGE);
  let done = 0;
  while (done < byteLength) {
    const left = Math.min(byteLength - done, LARGEST_TRANSFER);
    const at = mapped + BigInt(done);
    const toPageEnd = Number(page - at % page);
    const count = transferOnce(direction, local + BigInt(done), at, left) ||
      transferOnce(direction, local + BigInt(done), at, Math.min(left, toPageEnd));
    if (count === 0) break;
    done += count;
  }
  return done;
}

/** See `MemorySystem.zero`. */
export function zero(range: Range): void {
  if (!copyZeros(range, copy)) throw systemError(EFAULT, "process_vm_writev");
}

/**
 * Copies the present pages of one mapping into another that has all of its pages; the rest stays as
 * it is.
 */
export function copyWhatIsThere(from: Range, to: Range): void {
  const step = pageSize();
  // Whole pages are copied, as mremap would move them, so the content beyond the end of the mapping
  // is kept too.
  const byteLength = alignUp(Math.min(from.byteLength, to.byteLength), step);
  const source = addressOf(from.pointer);
  const target = addressOf(to.pointer);
  let done = 0;
  while (done < byteLength) {
    const at = BigInt(done);
    done += copy("out", target + at, source + at, byteLength - done);
    // The page is missing: continue after it.
    if (done < byteLength) done = alignDown(done, step) + step;
  }
}

/*
 * One copy between two addresses of this process, one of which may be missing: the kernel copies,
 * and returns EFAULT where JavaScript would get a signal.
 *
 * `process_vm_readv` and `process_vm_writev` do it, on the process itself. If they are missing
 * (qemu's user emulation) or forbidden (a container's seccomp filter), the bytes go through a pipe,
 * one page at a time. macOS has a call of its own, `mach_vm_read_overwrite`.
 */

/** A step of this size lies within one page, and fits into every pipe. */
const SMALLEST_PAGE = 4096;

/** Set once the system has refused the calls; they are not tried again. */
let refused = false;

/**
 * Copies once.
 *
 * @param local the address of memory that is certainly mapped
 * @param mapped the address inside a mapping
 * @returns how many bytes were copied, maybe fewer than asked for; 0 if the first one is missing
 */
function transferOnce(
  direction: Direction,
  local: bigint,
  mapped: bigint,
  byteLength: number,
): number {
  if (platform().os === "darwin") return transferByMach(direction, local, mapped, byteLength);
  const direct = refused ? undefined : transferDirectly(direction, local, mapped, byteLength);
  if (direct !== undefined) return direct;
  const toPageEnd = SMALLEST_PAGE - Number(mapped % BigInt(SMALLEST_PAGE));
  return transferByPipe(direction, local, mapped, Math.min(byteLength, toPageEnd));
}

/** struct iovec: 0 void *iov_base, 8 size_t iov_len. */
function iovec(address: bigint, byteLength: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(BigUint64Array.of(address, BigInt(byteLength)).buffer);
}

/** Undefined if the system has no such call, or forbids it. */
function transferDirectly(
  direction: Direction,
  local: bigint,
  mapped: bigint,
  byteLength: number,
): number | undefined {
  const { process_vm_readv, process_vm_writev } = libc();
  const symbol = direction === "out" ? process_vm_readv : process_vm_writev;
  if (symbol === null) return undefined;
  const result = symbol(Deno.pid, iovec(local, byteLength), 1n, iovec(mapped, byteLength), 1n, 0n);
  if (result >= 0n) return Number(result);
  const errno = threadErrno[0]!;
  switch (errnoName(errno)) {
    case "EFAULT":
      return 0;
    case "ENOSYS":
    case "EPERM":
      refused = true;
      return undefined;
    default:
      throw systemError(errno, direction === "out" ? "process_vm_readv" : "process_vm_writev");
  }
}

/** Longer copies share the pages until they are used, and the fault comes then, as a signal. */
const LARGEST_MACH_COPY = 16384;

function transferByMach(
  direction: Direction,
  local: bigint,
  mapped: bigint,
  byteLength: number,
): number {
  const [from, to] = direction === "out" ? [mapped, local] : [local, mapped];
  const length = Math.min(byteLength, LARGEST_MACH_COPY);
  return copyBetween(from, to, length) ? length : 0;
}

function transferByPipe(
  direction: Direction,
  local: bigint,
  mapped: bigint,
  byteLength: number,
): number {
  const [from, to] = direction === "out" ? [mapped, local] : [local, mapped];
  const ends = new Int32Array(2);
  const bytes = new Uint8Array(ends.buffer);
  checkZero(libc().pipe(bytes), threadErrno[0]!, "pipe");
  try {
    // This copies all or nothing: the range lies within one page, and the pipe has room for a page.
    const length = BigInt(byteLength);
    const written = libc().writeFrom(ends[1]!, pointerFrom(from), length);
    if (written === length && libc().readInto(ends[0]!, pointerFrom(to), length) === length) {
      return byteLength;
    }
    const errno = threadErrno[0]!;
    if (errnoName(errno) === "EFAULT") return 0;
    throw systemError(errno, "pipe");
  } finally {
    close(ends[0]!);
    close(ends[1]!);
  }
}
