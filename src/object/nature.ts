/** What an object is, as far as it decides what can be done with a mapping of it. */

import { SECRETMEM_MAGIC } from "../../ffi/constants.ts";
import { type FileStatus, fileSystemOf } from "../../ffi/status.ts";

/**
 * Whether another mapping of an object may be other memory, as with /dev/zero. Files, and the disks
 * behind block devices, are the same to all who map them; what a driver gives is its own business.
 */
export function isSingle({ type }: FileStatus): boolean {
  return type !== "file" && type !== "block-device";
}

/**
 * Refuses memory of `memfd_secret`: the kernel hides it from itself, so that no page of it can be
 * looked at, copied or replaced without the risk of a signal.
 *
 * @throws {Deno.errors.NotSupported}
 */
export function refuseSecret(fd: number): void {
  if (SECRETMEM_MAGIC === undefined || fileSystemOf(fd)?.type !== SECRETMEM_MAGIC) return;
  throw new Deno.errors.NotSupported(
    "Cannot map descriptor as it is of memfd_secret: faults in such memory cannot be absorbed",
  );
}
