/** What an object is, as far as it decides what can be done with a mapping of it. */

import { HUGETLBFS_MAGIC } from "../../../ffi/constants.ts";
import { pageSize } from "../../../ffi/page_size.ts";
import { fileSystemOf } from "../../../ffi/status.ts";
import type { Nature, ObjectStatus } from "../object_system.ts";

/** See `ObjectSystem.nature`. */
export function natureOf(fd: number, status: ObjectStatus): Nature {
  return { single: isSingle(status), pageSize: pageSizeOf(fd, status) };
}

/** Huge pages on a file system of their own have another size. */
function pageSizeOf(fd: number, { blockByteLength }: ObjectStatus): number {
  // Others, too, like to read large blocks; asking each for its kind would be one call more a region.
  if (blockByteLength <= pageSize()) return pageSize();
  return fileSystemOf(fd)?.type === HUGETLBFS_MAGIC ? blockByteLength : pageSize();
}

/**
 * Whether another mapping of an object may be other memory, as with /dev/zero. Files, and the disks
 * behind block devices, are the same to all who map them; what a driver gives is its own business.
 */
function isSingle({ type }: ObjectStatus): boolean {
  return type !== "file" && type !== "block-device";
}
