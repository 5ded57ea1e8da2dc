/** Holes: bytes of a file that nothing was set aside for yet, so that writing them may fail. */

import { TMPFS_MAGIC } from "../../../ffi/constants.ts";
import { libc } from "../../../ffi/libc.ts";
import { fileSystemOf, statusOf } from "../../../ffi/status.ts";
import { checkRoom, fallocate, holdsOnlyZeros } from "./size.ts";

/**
 * Reserves the holes among some bytes of a file that is there, such as a sparse copy. So a full disk is
 * an error here, and not a page that this process alone has.
 *
 * @throws {Error} ENOSPC, EDQUOT, with `syscall` "fallocate".
 * @throws {Deno.errors.NotSupported} If the file has holes, and its file system cannot reserve them.
 */
export function fillHoles(fd: number, from: number, to: number, subject: string | undefined): void {
  const { type, byteLength, allocated } = statusOf(fd);
  const end = Math.min(to, byteLength);
  if (type !== "file" || from >= end || libc().fallocate === null) return;
  // Elsewhere the number counts what lists the blocks, too. Here, reserving what is there takes time.
  if (allocated >= byteLength && fileSystemOf(fd)?.type === TMPFS_MAGIC) return;
  // Others may have made of it what they like meanwhile: only what lies within it is reserved.
  checkRoom(fd, end - from - allocated, subject);
  if (fallocate(fd, from, end, subject)) return;
  if (allocated >= byteLength || !countsBlocks(fd, allocated)) return;
  throw new Deno.errors.NotSupported(
    `Cannot reserve '${subject ?? ""}' as it has holes that its file system cannot fill: ` +
      `\`cp --sparse=never\` makes a copy without`,
  );
}

/** Some file systems say 0 of files with contents. */
function countsBlocks(fd: number, allocated: number): boolean {
  return allocated > 0 || holdsOnlyZeros(fd, 0);
}
