/** Giving back the memory of pages, or the blocks of a file, so that they read as zeros. */

import { systemError } from "../../../ffi/call.ts";
import {
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  MADV_DONTNEED,
  MADV_REMOVE,
} from "../../../ffi/constants.ts";
import { errnoName } from "../../../ffi/errno.ts";
import { libc, threadErrno } from "../../../ffi/libc.ts";
import { pointerAt, type Range } from "../../../ffi/memory.ts";
import { pageSize } from "../../../ffi/file_calls.ts";
import type { Span } from "../arithmetic.ts";
import type { MapRequest } from "../system.ts";

/**
 * Devices such as /dev/zero return ENODEV or ESPIPE, and file systems EOPNOTSUPP. EPERM means a
 * seal that allows writing through existing mappings only.
 */
const CANNOT_PUNCH: readonly string[] = ["ENODEV", "ESPIPE", "EOPNOTSUPP", "EPERM"];

/** See `MemorySystem.punch`. */
export function punch({ object, fileOffset, subject }: MapRequest, span: Span): boolean {
  const { fallocate } = libc();
  if (fallocate === null || object === undefined) return false;
  const mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  const offset = BigInt(fileOffset + span.byteOffset);
  if (fallocate(object, mode, offset, BigInt(span.byteLength)) === 0) return true;
  const errno = threadErrno[0]!;
  if (CANNOT_PUNCH.includes(errnoName(errno))) return false;
  throw systemError(errno, "fallocate", subject);
}

/** See `MemorySystem.drop`. */
export function drop({ pointer, byteLength }: Range, mended: boolean): boolean {
  if (libc().madvise(pointer, BigInt(byteLength), MADV_DONTNEED) === 0) {
    if (mended) emptyShared(pointer, byteLength);
    return true;
  }
  const errno = threadErrno[0]!;
  if (errnoName(errno) === "EINVAL") return false; // locked pages stay in memory
  throw systemError(errno, "madvise");
}

/** The guard may have put shared pages into private memory. Only this advice gives those back. */
function emptyShared(start: Deno.PointerObject, byteLength: number): void {
  for (let at = 0; at < byteLength; at += pageSize()) {
    libc().madvise(pointerAt(start, at), BigInt(pageSize()), MADV_REMOVE); // fails for private pages
  }
}
