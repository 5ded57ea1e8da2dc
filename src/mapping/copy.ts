/**
 * Copies between mapped memory and JavaScript's that never fault: the kernel does them, and answers
 * EFAULT at a page that is not there.
 */

import { required, systemError } from "../../ffi/call.ts";
import { lastErrno } from "../../ffi/errno.ts";
import { libc } from "../../ffi/libc.ts";
import { addressOf, addressOfBytes, lengthOf, type Range } from "../../ffi/memory.ts";
import { pageSize } from "../../ffi/page_size.ts";
import { alignDown } from "./pages.ts";

const EFAULT = 14;

/** struct iovec: 0 void *iov_base, 8 size_t iov_len. */
function iovec(address: bigint, byteLength: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(BigUint64Array.of(address, BigInt(byteLength)).buffer);
}

/** The kernel refuses single transfers of 2 GiB and more. */
const LARGEST_TRANSFER = 2 ** 30;

type Transfer = "process_vm_readv" | "process_vm_writev";

/**
 * Copies out of a mapping ("process_vm_readv") or into it ("process_vm_writev").
 *
 * @param local the address of memory that is known to be there
 * @param mapped the address inside a mapping, where pages may be missing
 * @returns how many bytes were copied before the first page that is not there
 */
function transfer(call: Transfer, local: bigint, mapped: bigint, byteLength: number): number {
  let done = 0;
  while (done < byteLength) {
    const left = Math.min(byteLength - done, LARGEST_TRANSFER);
    const at = mapped + BigInt(done);
    const toPageEnd = Number(PAGE - at % PAGE);
    const count = transferOnce(call, local + BigInt(done), at, left) ||
      transferOnce(call, local + BigInt(done), at, Math.min(left, toPageEnd));
    if (count === 0) break;
    done += count;
  }
  return done;
}

/** The smallest page there is: a step of this size never spans a present and a missing page. */
const PAGE = 4096n;

/** One system call. @returns the bytes copied; 0 if a page was missing */
function transferOnce(call: Transfer, local: bigint, mapped: bigint, byteLength: number): number {
  const symbol = required(libc()[call], call);
  const result = symbol(Deno.pid, iovec(local, byteLength), 1n, iovec(mapped, byteLength), 1n, 0n);
  if (result >= 0n) return Number(result);
  const errno = lastErrno();
  if (errno === EFAULT) return 0;
  throw systemError(errno, call);
}

/** Copies mapped bytes into `target`. @returns how many there were before a missing page */
export function copyFromMapped(mapped: Deno.PointerObject, target: Uint8Array): number {
  return transfer("process_vm_readv", addressOfBytes(target), addressOf(mapped), lengthOf(target));
}

/** Copies `source` into a mapping. @returns how many bytes fitted before a missing page */
export function copyToMapped(mapped: Deno.PointerObject, source: Uint8Array): number {
  return transfer(
    "process_vm_writev",
    addressOfBytes(source),
    addressOf(mapped),
    lengthOf(source),
  );
}

/** Copies what is there of one mapping into another, which is all there; the rest stays as it is. */
export function copyWhatIsThere(from: Range, to: Range): void {
  const step = pageSize();
  const byteLength = Math.min(from.byteLength, to.byteLength);
  const source = addressOf(from.pointer);
  const target = addressOf(to.pointer);
  let done = 0;
  while (done < byteLength) {
    const at = BigInt(done);
    done += transfer("process_vm_readv", target + at, source + at, byteLength - done);
    // A missing page: go on behind it.
    if (done < byteLength) done = alignDown(done, step) + step;
  }
}

/** The kernel takes so many pieces in one call. */
const IOV_MAX = 1024;

/**
 * The first page in [page, pages) that cannot be read, `pages` if all can.
 *
 * @param start the address of page 0
 */
export function firstMissing(start: bigint, page: number, pages: number, step: number): number {
  const symbol = required(libc().process_vm_readv, "process_vm_readv");
  const bytes = new Uint8Array(IOV_MAX);
  const target = iovec(addressOfBytes(bytes), IOV_MAX);
  while (page < pages) {
    const count = Math.min(IOV_MAX, pages - page);
    const pieces = new BigUint64Array(2 * count);
    for (let i = 0; i < count; i++) {
      pieces[2 * i] = start + BigInt((page + i) * step);
      pieces[2 * i + 1] = 1n;
    }
    const source = new Uint8Array(pieces.buffer);
    const read = symbol(Deno.pid, target, 1n, source, BigInt(count), 0n);
    if (read < 0n && lastErrno() !== EFAULT) throw systemError(lastErrno(), "process_vm_readv");
    page += Math.max(0, Number(read));
    if (read < count) return page;
  }
  return pages;
}
