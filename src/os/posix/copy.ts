/**
 * Copies between mapped memory and other memory without ever faulting: the kernel copies, and
 * returns EFAULT at a missing page.
 */

import { systemError } from "../../../ffi/call.ts";
import { EFAULT } from "../../../ffi/errno.ts";
import { addressOf, addressOfBytes, type Range } from "../../../ffi/memory.ts";
import { pageSize } from "../../../ffi/file_calls.ts";
import { alignDown, alignUp } from "../arithmetic.ts";
import type { Direction } from "../system.ts";
import { SMALLEST_PAGE, transferOnce } from "./transfer.ts";

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

const ZEROS_BYTE_LENGTH = 65536;

/** See `MemorySystem.zero`. */
export function zero({ pointer, byteLength }: Range): void {
  const zeros = addressOfBytes(new Uint8Array(Math.min(byteLength, ZEROS_BYTE_LENGTH)));
  const start = addressOf(pointer);
  for (let done = 0; done < byteLength;) {
    const part = Math.min(byteLength - done, ZEROS_BYTE_LENGTH);
    const count = copy("into", zeros, start + BigInt(done), part);
    if (count < part) throw systemError(EFAULT, "process_vm_writev");
    done += count;
  }
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
