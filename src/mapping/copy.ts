/**
 * Copies between mapped memory and JavaScript's that never fault: the kernel does them, and answers
 * EFAULT at a page that is not there.
 */

import { addressOf, addressOfBytes, lengthOf, type Range } from "../../ffi/memory.ts";
import { pageSize } from "../../ffi/page_size.ts";
import { alignDown, alignUp } from "./pages.ts";
import { type Direction, SMALLEST_PAGE, transferOnce } from "./transfer.ts";

/** The kernel refuses single transfers of 2 GiB and more. */
const LARGEST_TRANSFER = 2 ** 30;

/**
 * Copies out of a mapping or into it.
 *
 * @param local the address of memory that is known to be there
 * @param mapped the address inside a mapping, where pages may be missing
 * @returns how many bytes were copied before the first page that is not there
 */
function transfer(direction: Direction, local: bigint, mapped: bigint, byteLength: number): number {
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

/** Copies mapped bytes into `target`. @returns how many there were before a missing page */
export function copyFromMapped(mapped: Deno.PointerObject, target: Uint8Array): number {
  return transfer("out", addressOfBytes(target), addressOf(mapped), lengthOf(target));
}

/** Copies `source` into a mapping. @returns how many bytes fitted before a missing page */
export function copyToMapped(mapped: Deno.PointerObject, source: Uint8Array): number {
  return transfer(
    "into",
    addressOfBytes(source),
    addressOf(mapped),
    lengthOf(source),
  );
}

/** Copies what is there of one mapping into another, which is all there; the rest stays as it is. */
export function copyWhatIsThere(from: Range, to: Range): void {
  const step = pageSize();
  // Whole pages, as mremap would move them: what a copied page holds behind the end stays, too.
  const byteLength = alignUp(Math.min(from.byteLength, to.byteLength), step);
  const source = addressOf(from.pointer);
  const target = addressOf(to.pointer);
  let done = 0;
  while (done < byteLength) {
    const at = BigInt(done);
    done += transfer("out", target + at, source + at, byteLength - done);
    // A missing page: go on behind it.
    if (done < byteLength) done = alignDown(done, step) + step;
  }
}

/**
 * The first page in [page, pages) that cannot be read; `pages` if all can.
 *
 * @param start the address of page 0
 */
export function firstMissing(start: bigint, page: number, pages: number, step: number): number {
  const byte = addressOfBytes(new Uint8Array(1));
  while (page < pages && transferOnce("out", byte, start + BigInt(page * step), 1) === 1) page++;
  return page;
}
