/* fcntl: bsd/kern/kern_descrip.c fcntl_nocancel, bsd/sys/fcntl.h. */
#include "twin.h"
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
  DUPFD, GETFD, SETFD, GETFL, SETFL, GETLK = 7, SETLK, SETLKW, PREALLOCATE = 42, GETPATH = 50,
  FULLFSYNC = 51, DUPFD_CLOEXEC = 67, BARRIERFSYNC = 85, OFD_SETLK = 90, OFD_SETLKW, OFD_GETLK,
  PUNCHHOLE = 99,
};

/* APFS's block. */
#define BLOCK 4096

struct fstore {
  uint32_t flags;
  int32_t position_mode;
  int64_t offset, length, allocated;
};
_Static_assert(sizeof(struct fstore) == 32, "fstore_t");

struct punch_hole {
  uint32_t flags, reserved;
  int64_t offset, length;
};

struct lock {
  int64_t start, length;
  int32_t pid;
  int16_t type, whence;
};
_Static_assert(sizeof(struct lock) == 24, "struct flock");

/* Allocates behind the last block of a file; its length stays, and so do its holes. */
static int preallocate(int fd, struct fstore *store) {
  enum { CONTIG = 2, ALL = 4, PERSIST = 8, PEOFPOSMODE = 3 };
  struct stat status;
  if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY) return fail(EBADF);
  store->allocated = 0;
  if (store->position_mode != PEOFPOSMODE || store->offset != 0) return fail(EINVAL);
  if (store->length < 0 || (store->flags & ~(CONTIG | ALL | PERSIST)) != 0) return fail(EINVAL);
  if (store->length == 0) return 0;
  if (fstat(fd, &status) != 0) return done(-1);
  int64_t end = (status.st_size + BLOCK - 1) / BLOCK * BLOCK;
  if (end < status.st_blocks * 512) end = status.st_blocks * 512;
  int64_t length = (store->length + BLOCK - 1) / BLOCK * BLOCK;
  if (fallocate(fd, FALLOC_FL_KEEP_SIZE, end, length) != 0) return done(-1);
  store->allocated = length;
  return 0;
}

static int punch_hole(int fd, const struct punch_hole *hole) {
  if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY) return fail(EPERM);
  if (hole->flags != 0 || hole->reserved != 0 || hole->offset < 0 || hole->length <= 0) return fail(EINVAL);
  if (hole->offset % BLOCK != 0 || hole->length % BLOCK != 0) return fail(EINVAL);
  return done(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, hole->offset, hole->length));
}

/* A file without a name has no path. */
static int get_path(int fd, char *path) {
  char link[40], target[1025];
  struct stat status;
  snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, target, sizeof(target) - 1);
  if (length < 0 || fstat(fd, &status) != 0) return done(-1);
  if (target[0] != '/') return fail(EBADF); /* a pipe or a socket */
  if (status.st_nlink == 0 || length == sizeof(target) - 1) return fail(ENOENT);
  memcpy(path, target, length);
  path[length] = 0;
  return 0;
}

/* F_RDLCK, F_UNLCK and F_WRLCK, which are 1, 2 and 3. */
static const int16_t TYPES[] = {F_RDLCK, F_UNLCK, F_WRLCK};

static int lock(int fd, int command, struct lock *lock) {
  static const int LINUX[] = {F_GETLK, F_SETLK, F_SETLKW, F_OFD_SETLK, F_OFD_SETLKW, F_OFD_GETLK};
  if (lock->type < 1 || lock->type > 3) return fail(EINVAL);
  struct flock linux_lock = {.l_type = TYPES[lock->type - 1], .l_whence = lock->whence,
                             .l_start = lock->start, .l_len = lock->length};
  int at = command < PREALLOCATE ? command - GETLK : command - OFD_SETLK + 3;
  int result = fcntl(fd, LINUX[at], &linux_lock);
  if (result != 0 || (command != GETLK && command != OFD_GETLK)) return done(result);
  for (int i = 0; i < 3; i++)
    if (TYPES[i] == linux_lock.l_type) lock->type = i + 1;
  if (linux_lock.l_type == F_UNLCK) return 0;
  lock->start = linux_lock.l_start;
  lock->length = linux_lock.l_len;
  lock->whence = linux_lock.l_whence;
  lock->pid = linux_lock.l_pid;
  return 0;
}

static int of_file(int fd, int command, int64_t argument) {
  void *pointer = (void *)argument;
  if (is_shm(fd)) return fail(EBADF); /* not DTYPE_VNODE */
  switch (command) {
    case PREALLOCATE: return preallocate(fd, pointer);
    case PUNCHHOLE: return punch_hole(fd, pointer);
    case GETPATH: return get_path(fd, pointer);
    case FULLFSYNC:
    case BARRIERFSYNC: return done(fsync(fd));
    default: return lock(fd, command, pointer);
  }
}

static int get_flags(int fd) {
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0) return done(flags);
  return (flags & O_ACCMODE) | ((flags & O_NONBLOCK) != 0 ? 4 : 0) | ((flags & O_APPEND) != 0 ? 8 : 0);
}

static int set_flags(int fd, int flags) {
  int linux_flags = open_flags(flags);
  if (linux_flags < 0) return fail(EINVAL);
  return done(fcntl(fd, F_SETFL, linux_flags & (O_NONBLOCK | O_APPEND)));
}

/* int fcntl(int fd, int cmd, ...) */
int DARWIN(fcntl)(int fd, int command, int64_t argument) {
  if (fcntl(fd, F_GETFD) < 0) return done(-1);
  switch (command) {
    case DUPFD: return done(fcntl(fd, F_DUPFD, (int)argument));
    case DUPFD_CLOEXEC: return done(fcntl(fd, F_DUPFD_CLOEXEC, (int)argument));
    case GETFD: return done(fcntl(fd, F_GETFD));
    case SETFD: return done(fcntl(fd, F_SETFD, (int)argument & FD_CLOEXEC));
    case GETFL: return get_flags(fd);
    case SETFL: return set_flags(fd, (int)argument);
    case GETLK: case SETLK: case SETLKW: case OFD_SETLK: case OFD_SETLKW: case OFD_GETLK:
    case PREALLOCATE: case PUNCHHOLE: case GETPATH: case FULLFSYNC: case BARRIERFSYNC:
      return of_file(fd, command, argument);
  }
  note("fcntl: unknown command", command);
  return fail(EINVAL);
}
