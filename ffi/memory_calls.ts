/** The calls on mapped memory, with C's names, parameter order and results. */

import { int, pointer, type Size, size, wrongType } from "./arguments.ts";
import { checkPointer, checkZero, required, systemError } from "./call.ts";
import { EINVAL } from "./errno.ts";
import { libc, threadErrno } from "./libc.ts";
import { pageSize } from "./file_calls.ts";

/**
 * `void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset)`: maps a file
 * or anonymous memory.
 *
 * Unsafe: with `MAP_FIXED` it replaces whatever is mapped at `addr`, and only {@linkcode munmap}
 * unmaps the memory. `MmapRegion` is the safe form.
 *
 * @see https://man7.org/linux/man-pages/man2/mmap.2.html
 * @param addr null, or where the mapping should begin
 * @param length how many bytes; the kernel rounds it up to whole pages
 * @param prot `PROT_NONE`, or `PROT_READ`, `PROT_WRITE`, `PROT_EXEC` joined by `|`
 * @param flags `MAP_SHARED` or `MAP_PRIVATE`, and others joined by `|`
 * @param fd an open descriptor, or -1 with `MAP_ANONYMOUS`
 * @param offset where in the file it begins; a multiple of the page size
 * @returns the address of the mapping
 * @throws {TypeError} EINVAL: length 0, an offset that is not a multiple of the page size, neither
 * `MAP_SHARED` nor `MAP_PRIVATE`; or an argument of another type.
 * @throws {Deno.errors.PermissionDenied} EACCES: not a regular file, or opened without the rights
 * that `prot` and `flags` ask for. EPERM: `PROT_EXEC` on a file system mounted noexec, or a seal.
 * @throws {Deno.errors.WouldBlock} EAGAIN: the file is locked, or too much memory is.
 * @throws {Error} EBADF: `fd` is not open. ENOMEM: no address space, or too many mappings. ENODEV:
 * the file cannot be mapped. ENFILE, EOVERFLOW, ETXTBSY.
 *
 * @example Anonymous memory, from C's side
 * ```ts
 * import {
 *   MAP_ANONYMOUS, MAP_PRIVATE, mmap, munmap, PROT_READ, PROT_WRITE,
 * } from "@mmap/mmap/libc";
 * import { assertEquals } from "@std/assert";
 *
 * const address = mmap(null, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
 * assertEquals(new Deno.UnsafePointerView(address).getUint8(), 0);
 * munmap(address, 4096);
 * ```
 */
export function mmap(
  addr: Deno.PointerValue,
  length: Size,
  prot: number,
  flags: number,
  fd: number,
  offset: Size,
): Deno.PointerObject {
  pointer(addr, "addr", "mmap");
  size(length, "length", "mmap");
  int(prot, "prot", "mmap");
  int(flags, "flags", "mmap");
  int(fd, "fd", "mmap");
  size(offset, "offset", "mmap");
  return checkPointer(
    libc().mmap(addr, unsigned(length), prot, flags, fd, BigInt(offset)),
    threadErrno[0]!,
    "mmap",
  );
}

/**
 * `int munmap(void *addr, size_t length)`: removes the mappings of the pages in a range.
 *
 * Unsafe: views of the memory still point there; touching one ends the process.
 *
 * @see https://man7.org/linux/man-pages/man2/mmap.2.html
 * @returns 0
 * @throws {TypeError} EINVAL: `addr` is not a page boundary, or length 0; or another type.
 * @throws {Error} ENOMEM: too many mappings.
 */
export function munmap(addr: Deno.PointerValue, length: Size): 0 {
  pointer(addr, "addr", "munmap");
  size(length, "length", "munmap");
  checkZero(libc().munmap(addr, unsigned(length)), threadErrno[0]!, "munmap");
  return 0;
}

/**
 * `int msync(void *addr, size_t length, int flags)`: writes changes of a shared file mapping back.
 *
 * @see https://man7.org/linux/man-pages/man2/msync.2.html
 * @param flags `MS_SYNC` to wait or `MS_ASYNC` not to; with either `MS_INVALIDATE`
 * @returns 0
 * @throws {TypeError} EINVAL: `addr` is not a page boundary, or unknown flags; or another type.
 * @throws {Deno.errors.Busy} EBUSY: `MS_INVALIDATE` on locked memory.
 * @throws {Error} ENOMEM: part of the range is not mapped. EIO: writing failed.
 */
export function msync(addr: Deno.PointerValue, length: Size, flags: number): 0 {
  pointer(addr, "addr", "msync");
  size(length, "length", "msync");
  int(flags, "flags", "msync");
  checkZero(libc().msync(addr, unsigned(length), flags), threadErrno[0]!, "msync");
  return 0;
}

/**
 * `int mprotect(void *addr, size_t length, int prot)`: changes the protection of whole pages.
 *
 * @see https://man7.org/linux/man-pages/man2/mprotect.2.html
 * @returns 0
 * @throws {TypeError} EINVAL: `addr` is not a page boundary, or unknown bits; or another type.
 * @throws {Deno.errors.PermissionDenied} EACCES: the file was opened without that right.
 * @throws {Error} ENOMEM: part of the range is not mapped, or too many mappings.
 */
export function mprotect(addr: Deno.PointerValue, length: Size, prot: number): 0 {
  pointer(addr, "addr", "mprotect");
  size(length, "length", "mprotect");
  int(prot, "prot", "mprotect");
  checkZero(libc().mprotect(addr, unsigned(length), prot), threadErrno[0]!, "mprotect");
  return 0;
}

/**
 * `int madvise(void *addr, size_t length, int advice)`: tells the kernel how memory will be used.
 *
 * Unsafe: some advice changes content (`MADV_DONTNEED`, `MADV_FREE`, `MADV_REMOVE`).
 *
 * @see https://man7.org/linux/man-pages/man2/madvise.2.html
 * @returns 0
 * @throws {TypeError} EINVAL: `addr` is not a page boundary, or advice that this kernel or mapping
 * does not know; or another type.
 * @throws {Deno.errors.PermissionDenied} EPERM or EACCES, by advice.
 * @throws {Error} ENOMEM: part of the range is not mapped. EIO, EFAULT, EBADF, by advice.
 */
export function madvise(addr: Deno.PointerValue, length: Size, advice: number): 0 {
  pointer(addr, "addr", "madvise");
  size(length, "length", "madvise");
  int(advice, "advice", "madvise");
  checkZero(libc().madvise(addr, unsigned(length), advice), threadErrno[0]!, "madvise");
  return 0;
}

/**
 * `void *mremap(void *old_address, size_t old_size, size_t new_size, int flags, void *new_address)`:
 * grows, shrinks or moves a mapping. Linux only.
 *
 * Unsafe: views of the old address still point there.
 *
 * @see https://man7.org/linux/man-pages/man2/mremap.2.html
 * @param newAddress used with `MREMAP_FIXED` only
 * @returns the address of the mapping, which may have changed
 * @throws {TypeError} EINVAL: not a page boundary, new size 0, unknown flags; or another type.
 * @throws {Deno.errors.WouldBlock} EAGAIN: too much memory is locked.
 * @throws {Deno.errors.NotSupported} ENOSYS: the platform has no mremap (macOS).
 * @throws {Error} EFAULT: the range is not one mapping. ENOMEM: it cannot grow where it is.
 */
export function mremap(
  oldAddress: Deno.PointerValue,
  oldSize: Size,
  newSize: Size,
  flags: number,
  newAddress: Deno.PointerValue = null,
): Deno.PointerObject {
  pointer(oldAddress, "old_address", "mremap");
  size(oldSize, "old_size", "mremap");
  size(newSize, "new_size", "mremap");
  int(flags, "flags", "mremap");
  pointer(newAddress, "new_address", "mremap");
  const call = required(libc().mremap, "mremap");
  return checkPointer(
    call(oldAddress, unsigned(oldSize), unsigned(newSize), flags, newAddress),
    threadErrno[0]!,
    "mremap",
  );
}

/**
 * `int mlock(const void *addr, size_t length)`: faults pages in and keeps them in memory.
 *
 * @see https://man7.org/linux/man-pages/man2/mlock.2.html
 * @returns 0
 * @throws {Deno.errors.PermissionDenied} EPERM: locking is not allowed at all.
 * @throws {Deno.errors.WouldBlock} EAGAIN: some pages could not be locked.
 * @throws {Error} ENOMEM: more than RLIMIT_MEMLOCK, or part of the range is not mapped.
 */
export function mlock(addr: Deno.PointerValue, length: Size): 0 {
  pointer(addr, "addr", "mlock");
  size(length, "length", "mlock");
  checkZero(libc().mlock(addr, unsigned(length)), threadErrno[0]!, "mlock");
  return 0;
}

/**
 * `int munlock(const void *addr, size_t length)`: undoes {@linkcode mlock}.
 *
 * @see https://man7.org/linux/man-pages/man2/mlock.2.html
 * @returns 0
 * @throws {Error} ENOMEM: part of the range is not mapped.
 */
export function munlock(addr: Deno.PointerValue, length: Size): 0 {
  pointer(addr, "addr", "munlock");
  size(length, "length", "munlock");
  checkZero(libc().munlock(addr, unsigned(length)), threadErrno[0]!, "munlock");
  return 0;
}

/**
 * `int mincore(void *addr, size_t length, unsigned char *vec)`: tells which pages are in memory.
 *
 * @see https://man7.org/linux/man-pages/man2/mincore.2.html
 * @param vec one byte for each page; bit 0 says whether it is resident
 * @returns 0
 * @throws {TypeError} EINVAL: `addr` is not a page boundary; or `vec` is not a Uint8Array or is too
 * short.
 * @throws {Error} ENOMEM: part of the range is not mapped; macOS calls that not resident.
 */
export function mincore(
  addr: Deno.PointerValue,
  length: Size,
  vec: Uint8Array<ArrayBuffer>,
): 0 {
  pointer(addr, "addr", "mincore");
  size(length, "length", "mincore");
  if (!(vec instanceof Uint8Array)) throw wrongType(vec, "vec", "mincore", "a Uint8Array");
  const pages = Math.ceil(Number(length) / pageSize());
  if (vec.byteLength < pages) {
    throw new TypeError(`Cannot call mincore as vec must be a Uint8Array of ${pages} bytes`);
  }
  // macOS rounds instead, to one page more, and writes behind the end of `vec`.
  if (Deno.UnsafePointer.value(addr) % BigInt(pageSize()) !== 0n) {
    throw systemError(EINVAL, "mincore");
  }
  checkZero(libc().mincore(addr, unsigned(length), vec), threadErrno[0]!, "mincore");
  return 0;
}

/** A value as C's size_t, which has no negative numbers: -1 becomes 2^64-1. */
function unsigned(value: Size): bigint {
  return BigInt.asUintN(64, BigInt(value));
}
