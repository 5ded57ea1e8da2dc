/* Files by path and by descriptor: bsd/vfs/vfs_syscalls.c, bsd/kern/sys_generic.c, kern_descrip.c. */
#include "twin.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

enum { DARWIN_AT_FDCWD = -2, DARWIN_AT_SYMLINK_FOLLOW = 0x40 };

int is_hidden(const char *path) {
  static const char *const FOLDERS[] = {"/proc", "/dev/shm", "/sys"};
  for (int i = 0; i < 3; i++) {
    size_t length = strlen(FOLDERS[i]);
    if (strncmp(path, FOLDERS[i], length) == 0 && (path[length] == 0 || path[length] == '/'))
      return strncmp(path, TWIN_FOLDER, sizeof(TWIN_FOLDER) - 1) != 0;
  }
  return 0;
}

/* bsd/sys/fcntl.h. O_EVTONLY opens for reading. */
int open_flags(int flags) {
  static const int SAME[][2] = {
      {4, O_NONBLOCK},         {8, O_APPEND},  {0x80, O_SYNC},         {0x100, O_NOFOLLOW},
      {0x200, O_CREAT},        {0x400, O_TRUNC}, {0x800, O_EXCL},      {0x8000, 0},
      {0x20000, O_NOCTTY},     {0x100000, O_DIRECTORY},
      {0x400000, O_DSYNC},     {0x1000000, O_CLOEXEC},
  };
  int known = 3, result = flags & 3;
  for (size_t i = 0; i < sizeof(SAME) / sizeof(*SAME); i++) {
    known |= SAME[i][0];
    if ((flags & SAME[i][0]) != 0) result |= SAME[i][1];
  }
  if ((flags & 3) != 3 && (flags & ~known) == 0) return result;
  note("open: unknown flags", flags & ~known);
  return -1;
}

/* vn_authorize_open_existing: sockets have an error of their own. */
int DARWIN(openat)(int directory, const char *path, int flags, uint32_t mode) {
  int linux_flags = open_flags(flags), from = directory == DARWIN_AT_FDCWD ? AT_FDCWD : directory;
  struct stat status;
  if (linux_flags < 0) return fail(EINVAL);
  if (is_hidden(path)) return fail(ENOENT);
  int fd = openat(from, path, linux_flags, mode);
  if (fd >= 0 || errno != ENXIO) return done(fd);
  int is_socket = fstatat(from, path, &status, 0) == 0 && S_ISSOCK(status.st_mode);
  return fail(is_socket ? DARWIN_EOPNOTSUPP : ENXIO);
}

int DARWIN(open)(const char *path, int flags, uint32_t mode) {
  return darwin_openat(DARWIN_AT_FDCWD, path, flags, mode);
}

int DARWIN(close)(int fd) { return done(close(fd)); }

/* fo_no_read and fo_no_write: a shared memory object can only be mapped. */
int64_t DARWIN(read)(int fd, void *bytes, uint64_t length) {
  return is_shm(fd) ? fail(ENXIO) : done(read(fd, bytes, length));
}

int64_t DARWIN(write)(int fd, const void *bytes, uint64_t length) {
  return is_shm(fd) ? fail(ENXIO) : done(write(fd, bytes, length));
}

int64_t DARWIN(pread)(int fd, void *bytes, uint64_t length, int64_t offset) {
  return is_shm(fd) ? fail(ESPIPE) : done(pread(fd, bytes, length, offset));
}

int64_t DARWIN(pwrite)(int fd, const void *bytes, uint64_t length, int64_t offset) {
  return is_shm(fd) ? fail(ESPIPE) : done(pwrite(fd, bytes, length, offset));
}

/* SEEK_HOLE is 3 and SEEK_DATA 4: the reverse of Linux. */
int64_t DARWIN(lseek)(int fd, int64_t offset, int whence) {
  if (is_shm(fd)) return fail(ESPIPE);
  if (whence < 0 || whence > 4) return fail(EINVAL);
  return done(lseek(fd, offset, whence == 3 ? SEEK_HOLE : whence == 4 ? SEEK_DATA : whence));
}

/* truncate_validate_common: the signal of a length beyond the limit is the process's, not the thread's. */
int DARWIN(ftruncate)(int fd, int64_t length) {
  struct rlimit limit;
  if (length < 0) return fail(EINVAL);
  if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && (uint64_t)length > limit.rlim_cur) {
    kill(getpid(), SIGXFSZ);
    return fail(EFBIG);
  }
  return is_shm(fd) ? shm_truncate(fd, length) : done(ftruncate(fd, length));
}

int DARWIN(fsync)(int fd) { return is_shm(fd) ? fail(DARWIN_ENOTSUP) : done(fsync(fd)); }

int DARWIN(flock)(int fd, int operation) {
  return is_shm(fd) ? fail(DARWIN_ENOTSUP) : done(flock(fd, operation));
}

int DARWIN(dup)(int fd) { return done(dup(fd)); }

int DARWIN(dup2)(int fd, int other) { return done(dup2(fd, other)); }

int DARWIN(pipe)(int *ends) { return done(pipe(ends)); }

int DARWIN(unlink)(const char *path) { return is_hidden(path) ? fail(ENOENT) : done(unlink(path)); }

int64_t DARWIN(readlink)(const char *path, char *target, uint64_t size) {
  return is_hidden(path) ? fail(ENOENT) : done(readlink(path, target, size));
}

int DARWIN(chmod)(const char *path, uint32_t mode) {
  return is_hidden(path) ? fail(ENOENT) : done(chmod(path, mode));
}

int DARWIN(mkdir)(const char *path, uint32_t mode) {
  return is_hidden(path) ? fail(ENOENT) : done(mkdir(path, mode));
}

int DARWIN(rmdir)(const char *path) { return is_hidden(path) ? fail(ENOENT) : done(rmdir(path)); }

int DARWIN(rename)(const char *from, const char *to) {
  return is_hidden(from) || is_hidden(to) ? fail(ENOENT) : done(rename(from, to));
}

int DARWIN(linkat)(int from_directory, const char *from, int to_directory, const char *to, int flags) {
  if ((flags & ~DARWIN_AT_SYMLINK_FOLLOW) != 0) return fail(EINVAL);
  if (is_hidden(from) || is_hidden(to)) return fail(ENOENT);
  return done(linkat(from_directory == DARWIN_AT_FDCWD ? AT_FDCWD : from_directory, from,
                     to_directory == DARWIN_AT_FDCWD ? AT_FDCWD : to_directory, to,
                     flags != 0 ? AT_SYMLINK_FOLLOW : 0));
}
