/** What an object is, as far as it decides what can be done with a mapping of it. */

import { HUGETLBFS_MAGIC, SECRETMEM_MAGIC } from "../../ffi/constants.ts";
import { pageSize } from "../../ffi/page_size.ts";
import { type FileStatus, fileSystemOf } from "../../ffi/status.ts";

/** What a request to map must know of its object. */
export interface Nature {
  /** Whether another mapping of it may be other memory. */
  readonly single: boolean;
  /** The size of the pages of its mappings. */
  readonly pageSize: number;
}

export function natureOf(fd: number, status: FileStatus): Nature {
  return { single: isSingle(status), pageSize: pageSizeOf(fd, status) };
}

/** Huge pages on a file system of their own have another size. */
function pageSizeOf(fd: number, { blockByteLength }: FileStatus): number {
  // Others, too, like to read large blocks; asking each for its kind would be one call more a region.
  if (blockByteLength <= pageSize()) return pageSize();
  return fileSystemOf(fd)?.type === HUGETLBFS_MAGIC ? blockByteLength : pageSize();
}

/**
 * Whether another mapping of an object may be other memory, as with /dev/zero. Files, and the disks
 * behind block devices, are the same to all who map them; what a driver gives is its own business.
 */
function isSingle({ type }: FileStatus): boolean {
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
