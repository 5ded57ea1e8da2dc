/** Holes: bytes of a file without storage, so that writing them may fail. */

import { TMPFS_MAGIC } from "../../../ffi/constants.ts";
import { libc } from "../../../ffi/libc.ts";
import { fileSystemOf, statusOf } from "../../../ffi/status.ts";
import { checkRoom, fallocate, holdsOnlyZeros } from "./size.ts";

/**
 * Reserves the holes in a range of an existing file, such as a sparse copy. So a full disk is an
 * error here, and not a private page later.
 *
 * @throws {Error} ENOSPC, EDQUOT, with `syscall` "fallocate".
 * @throws {Deno.errors.NotSupported} If the file has holes, and its file system cannot reserve them.
 */
export function fillHoles(fd: number, from: number, to: number, subject: string | undefined): void {
  const { type, byteLength, allocated } = statusOf(fd);
  const end = Math.min(to, byteLength);
  if (type !== "file" || from >= end || libc().fallocate === null) return;
  // Only on tmpfs does this number prove that there are no holes: elsewhere it also counts
  // metadata. And only there is it slow to reserve existing blocks.
  if (allocated >= byteLength && fileSystemOf(fd)?.type === TMPFS_MAGIC) return;
  // Others may have resized the file meanwhile: only the range within it is reserved.
  checkRoom(fd, end - from - allocated, subject);
  if (fallocate(fd, from, end, subject)) return;
  if (allocated >= byteLength || !countsBlocks(fd, allocated)) return;
  throw new Deno.errors.NotSupported(
    `Cannot reserve '${subject ?? ""}' as it has holes that its file system cannot fill: ` +
      `\`cp --sparse=never\` makes a copy without`,
  );
}

/** Some file systems report 0 for files with content. */
function countsBlocks(fd: number, allocated: number): boolean {
  return allocated > 0 || holdsOnlyZeros(fd, 0);
}
