/**
 * The raw libc calls and constants under their C names, for people who want C's `mmap`.
 *
 * **Unsafe.** Nothing here looks after lifetimes: memory that was unmapped while a view of it
 * lives, or mapped over with `MAP_FIXED`, ends the process. `MmapRegion` of `@mmap/mmap` is the
 * safe form. Only the types of arguments are checked, their values are the kernel's business; a
 * result of -1 or `MAP_FAILED` becomes the exception that Deno has for that errno, with own
 * properties `code`, `errno` and `syscall`.
 *
 * ```ts
 * import * as c from "@mmap/mmap/libc";
 * import { assertEquals } from "@std/assert";
 *
 * const pageSize = c.sysconf(c._SC_PAGESIZE);
 * const protection = c.PROT_READ | c.PROT_WRITE;
 * const address = c.mmap(null, pageSize, protection, c.MAP_PRIVATE | c.MAP_ANONYMOUS, -1, 0);
 * assertEquals(new Deno.UnsafePointerView(address).getInt32(), 0);
 * c.munmap(address, pageSize);
 * ```
 *
 * Requires `--allow-ffi` at the first call.
 *
 * @module
 */

export * from "./constants.ts";
export { isSystemError, type SystemError } from "./call.ts";
export type { Size } from "./arguments.ts";
export {
  close,
  ftruncate,
  memfd_create,
  open,
  shm_open,
  shm_unlink,
  sysconf,
} from "./file_calls.ts";
export {
  madvise,
  mincore,
  mlock,
  mmap,
  mprotect,
  mremap,
  msync,
  munlock,
  munmap,
} from "./memory_calls.ts";
