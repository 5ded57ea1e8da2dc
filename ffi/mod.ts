/**
 * The raw libc calls and constants under their C names, for people who want C's `mmap`.
 *
 * **Unsafe.** Nothing here looks after lifetimes: touching a view of memory that was unmapped, or
 * replaced with `MAP_FIXED`, can end the process. `MmapRegion` of `@mmap/mmap` is the safe form.
 * Only the types of arguments are checked, and their values are left to the kernel. A result of -1
 * or `MAP_FAILED` becomes the exception that Deno has for that errno, with own properties `code`,
 * `errno` and `syscall`.
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

export {
  _SC_NPROCESSORS_ONLN,
  _SC_PAGESIZE,
  MADV_COLD,
  MADV_COLLAPSE,
  MADV_DODUMP,
  MADV_DOFORK,
  MADV_DONTDUMP,
  MADV_DONTFORK,
  MADV_DONTNEED,
  MADV_FREE,
  MADV_HUGEPAGE,
  MADV_KEEPONFORK,
  MADV_MERGEABLE,
  MADV_NOHUGEPAGE,
  MADV_NORMAL,
  MADV_PAGEOUT,
  MADV_POPULATE_READ,
  MADV_POPULATE_WRITE,
  MADV_RANDOM,
  MADV_REMOVE,
  MADV_SEQUENTIAL,
  MADV_UNMERGEABLE,
  MADV_WILLNEED,
  MADV_WIPEONFORK,
  MAP_ANON,
  MAP_ANONYMOUS,
  MAP_DENYWRITE,
  MAP_EXECUTABLE,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_GROWSDOWN,
  MAP_HUGETLB,
  MAP_LOCKED,
  MAP_NONBLOCK,
  MAP_NORESERVE,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  MAP_SHARED_VALIDATE,
  MAP_STACK,
  MAP_SYNC,
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
  MFD_HUGETLB,
  MREMAP_DONTUNMAP,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  MS_ASYNC,
  MS_INVALIDATE,
  MS_SYNC,
  O_APPEND,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_TMPFILE,
  O_TRUNC,
  O_WRONLY,
  PROT_EXEC,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
} from "./constants.ts";
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
