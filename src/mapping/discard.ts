/** Zeroing a range and giving its memory, or the blocks of its file, back. */

import { systemError } from "../../ffi/call.ts";
import {
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  MADV_DONTNEED,
  MADV_REMOVE,
  MAP_SHARED,
} from "../../ffi/constants.ts";
import { errnoName, lastErrno } from "../../ffi/errno.ts";
import { libc } from "../../ffi/libc.ts";
import { pointerAt } from "../../ffi/memory.ts";
import { pageSize } from "../../ffi/page_size.ts";
import { platform } from "../../ffi/platform.ts";
import { copyToMapped } from "./copy.ts";
import type { Mapping } from "./mapping.ts";
import { alignDown, alignUp, type Span } from "./pages.ts";

const EFAULT = 14;
const EINVAL = 22;
/**
 * ENODEV and ESPIPE are what devices say, such as /dev/zero; EOPNOTSUPP, file systems; EPERM, a seal
 * that leaves writing to mappings that are there already.
 */
const CANNOT_PUNCH: readonly string[] = ["ENODEV", "ESPIPE", "EOPNOTSUPP", "EPERM"];

/**
 * Zeroes exactly the bytes of a span. Whole pages, or whole blocks of a file, are given back where
 * the mapping allows it; a private mapping of a file only zeroes, since dropping its pages would
 * bring the file's content back.
 */
export function discardSpan(mapping: Mapping, span: Span): void {
  const { flags, fd } = mapping.request;
  if ((flags & MAP_SHARED) !== 0) {
    if (!punchHole(mapping, span)) zeroSpan(mapping, span);
  } else if (fd === -1) {
    dropPages(mapping, span);
  } else {
    zeroSpan(mapping, span);
  }
}

/** False where the object has no holes. */
function punchHole({ request }: Mapping, span: Span): boolean {
  const { fallocate } = libc();
  if (fallocate === null) return false;
  const mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  const offset = BigInt(request.fileOffset + span.byteOffset);
  if (fallocate(request.fd, mode, offset, BigInt(span.byteLength)) === 0) return true;
  const errno = lastErrno();
  if (CANNOT_PUNCH.includes(errnoName(errno))) return false;
  throw systemError(errno, "fallocate", request.subject);
}

function dropPages(mapping: Mapping, { byteOffset, byteLength }: Span): void {
  // macOS keeps the content of pages that are not needed.
  if (platform().os === "darwin") return zeroSpan(mapping, { byteOffset, byteLength });
  const end = byteOffset + byteLength;
  const first = alignUp(byteOffset, pageSize());
  // The bytes between the region's end and its page's end are nobody's.
  const last = end === mapping.byteLength ? alignUp(end, pageSize()) : alignDown(end, pageSize());
  if (first >= last) return zeroSpan(mapping, { byteOffset, byteLength });
  zeroSpan(mapping, { byteOffset, byteLength: first - byteOffset });
  zeroSpan(mapping, { byteOffset: last, byteLength: end - last });
  const start = pointerAt(mapping.pointer, first);
  if (libc().madvise(start, BigInt(last - first), MADV_DONTNEED) === 0) {
    if (mapping.faults > 0) emptyShared(start, last - first);
    return;
  }
  const errno = lastErrno();
  if (errno !== EINVAL) throw systemError(errno, "madvise");
  // Locked pages stay in memory.
  zeroSpan(mapping, { byteOffset: first, byteLength: Math.min(last, end) - first });
}

/** The guard may have put shared pages into private memory, which only gives those back like this. */
function emptyShared(start: Deno.PointerObject, byteLength: number): void {
  for (let at = 0; at < byteLength; at += pageSize()) {
    libc().madvise(pointerAt(start, at), BigInt(pageSize()), MADV_REMOVE); // fails if it is private
  }
}

const ZEROS_BYTE_LENGTH = 65536;

/** @throws {Error} EFAULT: a page is protected against writing or is not there. */
function zeroSpan(mapping: Mapping, { byteOffset, byteLength }: Span): void {
  if (byteLength <= 0) return;
  const zeros = new Uint8Array(Math.min(byteLength, ZEROS_BYTE_LENGTH));
  for (let done = 0; done < byteLength;) {
    const part = zeros.subarray(0, byteLength - done);
    const count = copyToMapped(pointerAt(mapping.pointer, byteOffset + done), part);
    if (count < part.byteLength) throw systemError(EFAULT, "process_vm_writev");
    done += count;
  }
}
