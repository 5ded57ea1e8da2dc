/** The calls on files, descriptors and names, with C's names, parameter order and results. */

import { cString, int, type Size, size } from "./arguments.ts";
import { checkCount, checkZero, required } from "./call.ts";
import { _SC_PAGESIZE, F_DUPFD_CLOEXEC } from "./constants.ts";
import { libc, threadErrno } from "./libc.ts";
import { withoutSizeSignal } from "./size_signal.ts";

/**
 * `int open(const char *pathname, int flags, mode_t mode)`: opens a file.
 *
 * @see https://man7.org/linux/man-pages/man2/open.2.html
 * @param mode the permissions of a file that is created, default 0o666 less the umask
 * @returns the descriptor, which {@linkcode close} gives back
 * @throws {Deno.errors.NotFound} ENOENT: no such file or directory.
 * @throws {Deno.errors.PermissionDenied} EACCES or EPERM.
 * @throws {Deno.errors.AlreadyExists} EEXIST: `O_CREAT | O_EXCL` and it exists.
 * @throws {Deno.errors.IsADirectory} EISDIR: a directory for writing.
 * @throws {Deno.errors.NotADirectory} ENOTDIR: part of the path is not a directory.
 * @throws {Deno.errors.FilesystemLoop} ELOOP: too many symbolic links.
 * @throws {TypeError} EINVAL, or an argument of another type.
 * @throws {Error} EMFILE, ENFILE: no descriptor left. ENXIO, ENOSPC, EROFS, ETXTBSY and others.
 */
export function open(pathname: string, flags: number, mode = 0o666): number {
  const path = cString(pathname, "pathname", "open");
  int(flags, "flags", "open");
  int(mode, "mode", "open");
  return checkCount(libc().open(path, flags, mode), threadErrno[0]!, "open", pathname);
}

/**
 * `int close(int fd)`: closes a descriptor.
 *
 * Unsafe: the number may be reused for another descriptor at once.
 *
 * @see https://man7.org/linux/man-pages/man2/close.2.html
 * @returns 0
 * @throws {Deno.errors.Interrupted} EINTR; on Linux the descriptor is closed all the same.
 * @throws {Error} EBADF: it is not open. EIO: an earlier write failed.
 */
export function close(fd: number): 0 {
  int(fd, "fd", "close");
  checkZero(libc().close(fd), threadErrno[0]!, "close");
  return 0;
}

/**
 * `int ftruncate(int fd, off_t length)`: sets a file's size; added bytes read as zeros.
 *
 * @see https://man7.org/linux/man-pages/man2/ftruncate.2.html
 * @returns 0
 * @throws {TypeError} EINVAL: a negative length, or opened for reading only; or another type.
 * @throws {Deno.errors.PermissionDenied} EPERM: a seal forbids it.
 * @throws {Error} EBADF: it is not open. EFBIG: larger than the file system or RLIMIT_FSIZE allows,
 * without the SIGXFSZ that C gets. EIO.
 */
export function ftruncate(fd: number, length: Size): 0 {
  int(fd, "fd", "ftruncate");
  size(length, "length", "ftruncate");
  withoutSizeSignal(
    () => checkZero(libc().ftruncate(fd, BigInt(length)), threadErrno[0]!, "ftruncate"),
    length,
  );
  return 0;
}

/**
 * `int shm_open(const char *name, int oflag, mode_t mode)`: opens POSIX shared memory.
 *
 * @see https://man7.org/linux/man-pages/man3/shm_open.3.html
 * @param name "/name", at most 255 bytes (31 on macOS)
 * @param mode the permissions of an object that is created, default 0o600
 * @returns the descriptor, close-on-exec
 * @throws {Deno.errors.NotFound} ENOENT: no such object.
 * @throws {Deno.errors.AlreadyExists} EEXIST: `O_CREAT | O_EXCL` and it exists.
 * @throws {Deno.errors.PermissionDenied} EACCES: no right to it.
 * @throws {Deno.errors.NotSupported} ENOSYS: this libc has no shm_open.
 * @throws {TypeError} EINVAL: not a valid name; or an argument of another type.
 * @throws {Error} ENAMETOOLONG, EMFILE, ENFILE.
 */
export function shm_open(name: string, oflag: number, mode = 0o600): number {
  const bytes = cString(name, "name", "shm_open");
  int(oflag, "oflag", "shm_open");
  int(mode, "mode", "shm_open");
  return checkCount(
    required(libc().shm_open, "shm_open")(bytes, oflag, mode),
    threadErrno[0]!,
    "shm_open",
    name,
  );
}

/**
 * `int shm_unlink(const char *name)`: removes a name of POSIX shared memory. The memory lives on
 * until its last mapping is gone.
 *
 * @see https://man7.org/linux/man-pages/man3/shm_open.3.html
 * @returns 0
 * @throws {Deno.errors.NotFound} ENOENT: no such object.
 * @throws {Deno.errors.PermissionDenied} EACCES: no right to remove it.
 * @throws {Deno.errors.NotSupported} ENOSYS: this libc has no shm_unlink.
 */
export function shm_unlink(name: string): 0 {
  const bytes = cString(name, "name", "shm_unlink");
  checkZero(required(libc().shm_unlink, "shm_unlink")(bytes), threadErrno[0]!, "shm_unlink", name);
  return 0;
}

/**
 * `int memfd_create(const char *name, unsigned int flags)`: makes an anonymous file in memory.
 * Linux only.
 *
 * @see https://man7.org/linux/man-pages/man2/memfd_create.2.html
 * @param name shown as "/memfd:name" in /proc/PID/maps, at most 249 bytes; it cannot be opened by
 * that name
 * @param flags `MFD_CLOEXEC`, `MFD_ALLOW_SEALING`, `MFD_HUGETLB`
 * @returns the descriptor of a file of size 0
 * @throws {TypeError} EINVAL: unknown flags or too long a name; or an argument of another type.
 * @throws {Deno.errors.NotSupported} ENOSYS: the platform has no memfd_create (macOS).
 * @throws {Error} EMFILE, ENFILE, ENOMEM.
 */
export function memfd_create(name: string, flags: number): number {
  const bytes = cString(name, "name", "memfd_create");
  int(flags, "flags", "memfd_create");
  const call = required(libc().memfd_create, "memfd_create");
  return checkCount(call(bytes, flags), threadErrno[0]!, "memfd_create", name);
}

/**
 * `long sysconf(int name)`: asks for a limit or a property of the system.
 *
 * @see https://man7.org/linux/man-pages/man3/sysconf.3.html
 * @param name such as `_SC_PAGESIZE`
 * @returns the value
 * @throws {TypeError} EINVAL: an unknown name; or an argument of another type.
 */
export function sysconf(name: number): number {
  int(name, "name", "sysconf");
  return checkCount(libc().sysconf(name), threadErrno[0]!, "sysconf");
}

/**
 * A duplicate that closes on exec.
 *
 * @throws {Error} EBADF: the descriptor is not open. EMFILE: the process has reached its limit of
 * descriptors.
 */
export function duplicateDescriptor(fd: number): number {
  return checkCount(libc().fcntl(fd, F_DUPFD_CLOEXEC, 0n), threadErrno[0]!, "fcntl");
}

let knownPageSize = 0;

/** In bytes, asked for once: 4096 on x86-64; 4096, 16384 or 65536 on arm64. */
export function pageSize(): number {
  return knownPageSize ||= sysconf(_SC_PAGESIZE);
}
