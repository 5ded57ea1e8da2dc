/** The properties of an object that decide how it can be mapped. */

import { HUGETLBFS_MAGIC } from "../../../ffi/constants.ts";
import { pageSize } from "../../../ffi/page_size.ts";
import { fileSystemOf } from "../../../ffi/status.ts";
import type { Nature, ObjectStatus } from "../object_system.ts";

/** See `ObjectSystem.nature`. */
export function natureOf(fd: number, status: ObjectStatus): Nature {
  return { single: isSingle(status), pageSize: pageSizeOf(fd, status) };
}

/** The size of an object's pages, which is larger on a file system of huge pages. */
function pageSizeOf(fd: number, { blockByteLength }: ObjectStatus): number {
  // Other file systems may have large blocks too. Asking for the kind first would cost another call
  // for each region.
  if (blockByteLength <= pageSize()) return pageSize();
  return fileSystemOf(fd)?.type === HUGETLBFS_MAGIC ? blockByteLength : pageSize();
}

/**
 * Whether another mapping of an object may be other memory, as with /dev/zero. Files and block
 * devices are the same memory in all mappings; a driver of a character device may return anything.
 */
function isSingle({ type }: ObjectStatus): boolean {
  return type !== "file" && type !== "block-device";
}
