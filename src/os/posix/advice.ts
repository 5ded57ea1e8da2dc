/** Telling the kernel how memory will be used, and faulting it in ahead of use. */

import { systemError } from "../../../ffi/call.ts";
import {
  MADV_COLD,
  MADV_COLLAPSE,
  MADV_DODUMP,
  MADV_DOFORK,
  MADV_DONTDUMP,
  MADV_DONTFORK,
  MADV_DONTNEED,
  MADV_FREE,
  MADV_HUGEPAGE,
  MADV_MERGEABLE,
  MADV_NOHUGEPAGE,
  MADV_NORMAL,
  MADV_PAGEOUT,
  MADV_POPULATE_READ,
  MADV_POPULATE_WRITE,
  MADV_RANDOM,
  MADV_SEQUENTIAL,
  MADV_UNMERGEABLE,
  MADV_WILLNEED,
  PROT_WRITE,
} from "../../../ffi/constants.ts";
import { EFAULT, EINVAL } from "../../../ffi/errno.ts";
import { libc, threadErrno } from "../../../ffi/libc.ts";
import { addressOf, pointerAt, type Range, withAddressOf } from "../../../ffi/memory.ts";
import { pageSize } from "../../../ffi/file_calls.ts";
import type { Advice, MapRequest } from "../system.ts";
import { copy } from "./copy.ts";
import { PROTECTION_BITS } from "./ranges.ts";

/** Undefined means that the system has no such advice. */
const ADVICE: Readonly<Record<Advice, number | undefined>> = {
  "normal": MADV_NORMAL,
  "random": MADV_RANDOM,
  "sequential": MADV_SEQUENTIAL,
  "will-need": MADV_WILLNEED,
  "dont-need": MADV_DONTNEED,
  "free": MADV_FREE,
  "cold": MADV_COLD,
  "page-out": MADV_PAGEOUT,
  "huge-page": MADV_HUGEPAGE,
  "no-huge-page": MADV_NOHUGEPAGE,
  "collapse": MADV_COLLAPSE,
  "dont-fork": MADV_DONTFORK,
  "do-fork": MADV_DOFORK,
  "dont-dump": MADV_DONTDUMP,
  "do-dump": MADV_DODUMP,
  "mergeable": MADV_MERGEABLE,
  "unmergeable": MADV_UNMERGEABLE,
};

/** See `MemorySystem.advise`. */
export function advise(range: Range, advice: Advice): void {
  const value = ADVICE[advice];
  if (value === undefined) {
    throw new Deno.errors.NotSupported(
      `Cannot advise region as ${Deno.build.os} has no such advice: received "${advice}"`,
    );
  }
  const errno = madvise(range, value);
  if (errno !== 0) throw systemError(errno, "madvise");
}

/** @returns 0, or the error number */
function madvise({ pointer, byteLength }: Range, advice: number): number {
  return libc().madvise(pointer, BigInt(byteLength), advice) === 0 ? 0 : threadErrno[0]!;
}

/**
 * Private memory is populated for writing, so that no later write has to copy a page. Shared memory
 * is populated for reading: a write fault would mark every page of the file as changed.
 *
 * @param written whether all of it is about to be written to
 */
function populateAdvice(
  { protection, sharing }: MapRequest,
  written: boolean,
): number | undefined {
  const writable = (PROTECTION_BITS[protection] & PROT_WRITE) !== 0;
  return writable && (written || sharing === "private") ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;
}

/** See `MemorySystem.populate`. @throws the system error of `madvise` */
export function populate(
  range: Range,
  request: MapRequest,
  patchy: boolean,
  written = false,
): void {
  const advice = populateAdvice(request, written);
  const errno = advice === undefined ? EINVAL : madvise(range, advice);
  if (errno === 0) return;
  if (errno !== EINVAL) throw systemError(errno, "madvise");
  // A page forbids it, or this is a kernel before Linux 5.14, or macOS.
  populatePages(range, patchy ? advice : undefined, patchy);
}

/** See `MemorySystem.populateOffThread`. */
export async function populateOffThread(
  { pointer, byteLength }: Range,
  request: MapRequest,
): Promise<boolean> {
  const advice = populateAdvice(request, false);
  if (advice === undefined) return false;
  return await libc().madviseOffThread(pointer, BigInt(byteLength), advice) === 0;
}

/**
 * Populates page by page. Without such advice, the kernel reads one byte of each page, so that a
 * missing page is not a fault.
 *
 * @param patchy whether pages may forbid that
 * @throws {Error} EFAULT: a page is missing.
 */
function populatePages(
  { pointer, byteLength }: Range,
  advice: number | undefined,
  patchy: boolean,
): void {
  const step = pageSize();
  withAddressOf(new Uint8Array(1), (byte) => {
    for (let at = 0; at < byteLength; at += step) {
      const page = pointerAt(pointer, at);
      if (advice !== undefined && madvise({ pointer: page, byteLength: step }, advice) === 0) {
        continue;
      }
      const isThere = copy("out", byte, addressOf(page), 1) === 1;
      if (!isThere && !patchy) throw systemError(EFAULT, "madvise");
    }
  });
}
