/** Telling the kernel how memory will be used, and faulting it in ahead of use. */

import { shown } from "../../ffi/arguments.ts";
import { checkZero, systemError } from "../../ffi/call.ts";
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
  MAP_SHARED,
  PROT_WRITE,
} from "../../ffi/constants.ts";
import { lastErrno } from "../../ffi/errno.ts";
import { libc } from "../../ffi/libc.ts";
import { pointerAt } from "../../ffi/memory.ts";
import { pageSize } from "../../ffi/page_size.ts";
import { copyFromMapped } from "./copy.ts";
import type { Mapping } from "./mapping.ts";
import type { Span } from "./pages.ts";

/**
 * What `advise` can say; each is the `madvise` value of that name.
 * - "normal", "random", "sequential": how the range will be read, which sets the read-ahead.
 * - "will-need": read it in soon. "cold", "page-out": reclaim it first, or now (Linux 5.4).
 * - "dont-need": drop the pages. Shared ones are read again from their object; **private changes
 *   are lost** and read as the file, or as zeros. "free": the same for anonymous private memory,
 *   when memory gets short.
 * - "huge-page", "no-huge-page", "collapse": transparent huge pages, wanted, unwanted, or now.
 * - "dont-fork", "do-fork", "dont-dump", "do-dump", "mergeable", "unmergeable": forked children,
 *   core dumps, and merging of equal pages.
 */
export type Advice =
  | "normal"
  | "random"
  | "sequential"
  | "will-need"
  | "dont-need"
  | "free"
  | "cold"
  | "page-out"
  | "huge-page"
  | "no-huge-page"
  | "collapse"
  | "dont-fork"
  | "do-fork"
  | "dont-dump"
  | "do-dump"
  | "mergeable"
  | "unmergeable";

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

/** @throws {TypeError} If there is no such advice. */
export function checkAdvice(advice: Advice): Advice {
  // An object could become another text, or close the region, each time that it is looked at.
  if (typeof advice === "string" && Object.hasOwn(ADVICE, advice)) return advice;
  throw new TypeError(`Cannot advise region as there is no such advice: received ${shown(advice)}`);
}

/** @throws {Deno.errors.NotSupported} If the platform lacks this advice. */
export function adviseSpan(mapping: Mapping, span: Span, advice: Advice): void {
  const value = ADVICE[advice];
  if (value === undefined) {
    throw new Deno.errors.NotSupported(
      `Cannot advise region as ${Deno.build.os} has no such advice: received "${advice}"`,
    );
  }
  checkZero(madvise(mapping, span, value), "madvise");
}

function madvise(mapping: Mapping, span: Span, advice: number): number {
  const start = pointerAt(mapping.pointer, span.byteOffset);
  return libc().madvise(start, BigInt(span.byteLength), advice);
}

/**
 * Private memory is populated for writing, so that no later write has to copy a page. Shared memory
 * is populated for reading: a write fault would mark every page of the file as changed.
 */
function populateAdvice({ protection, flags }: Mapping["request"]): number | undefined {
  const writable = (protection & PROT_WRITE) !== 0 && (flags & MAP_SHARED) === 0;
  return writable ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;
}

const EINVAL = 22;

/** Faults the pages of a span in and waits. @throws the system error of `madvise` */
export function populateSpan(mapping: Mapping, span: Span): void {
  const advice = populateAdvice(mapping.request);
  if (advice !== undefined && madvise(mapping, span, advice) === 0) return;
  const errno = advice === undefined ? EINVAL : lastErrno();
  if (errno !== EINVAL) throw systemError(errno, "madvise");
  // A page that forbids it, or a kernel before Linux 5.14, or macOS.
  const perhapsForbidden = mapping.mixed || mapping.guard?.cutOff === true;
  populatePages(mapping, span, perhapsForbidden ? advice : undefined);
}

/** As {@linkcode populateSpan}, on a thread of Deno's pool. */
export async function populateSpanOffThread(mapping: Mapping, span: Span): Promise<void> {
  const advice = populateAdvice(mapping.request);
  if (advice === undefined) return populateSpan(mapping, span);
  const start = pointerAt(mapping.pointer, span.byteOffset);
  await mapping.whilePinned(async () => {
    const result = await libc().madviseOffThread(start, BigInt(span.byteLength), advice);
    // The other thread's errno is out of reach; the same call here finishes the work or tells why.
    if (result !== 0) populateSpan(mapping, span);
  });
}

/**
 * Populates each page by itself. Where there is no such advice, one byte is read, by the kernel, so
 * that a missing page is no fault.
 */
function populatePages(mapping: Mapping, span: Span, advice: number | undefined): void {
  const byte = new Uint8Array(1);
  const byteLength = pageSize();
  for (let at = 0; at < span.byteLength; at += byteLength) {
    const page = { byteOffset: span.byteOffset + at, byteLength };
    if (advice !== undefined && madvise(mapping, page, advice) === 0) continue;
    copyFromMapped(pointerAt(mapping.pointer, page.byteOffset), byte);
  }
}
