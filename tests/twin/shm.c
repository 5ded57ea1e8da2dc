/*
 * Shared memory objects: bsd/kern/posix_shm.c. Each is a file in a folder of the run. Its sticky bit tells
 * it from other files; one that has its size has blocks or a length.
 */
#include "twin.h"
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FOLDER TWIN_FOLDER "/shm"
/* bsd/sys/posix_shm.h */
#define PSHMNAMLEN 31

int is_shm(int fd) {
  struct stat status;
  return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & S_ISVTX) != 0;
}

int shm_is_allocated(const struct stat *status) {
  return status->st_size > 0 || status->st_blocks > 0;
}

int shm_is_writable(int fd) { return (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY; }

int shm_name_of_link(const char *link, char *name, size_t size) {
  if (strncmp(link, FOLDER "/", sizeof(FOLDER)) != 0) return 0;
  snprintf(name, size, "%s", link + sizeof(FOLDER));
  char *removed = strstr(name, " (deleted)");
  if (removed != NULL) *removed = 0;
  for (char *c = name; *c != 0; c++)
    if (*c == '%') *c = '/';
  return 1;
}

/* pshm_get_name; what is the same for both calls. The file's name has "%" for "/". */
static int file_of(const char *name, char *path, size_t size) {
  size_t length = strlen(name);
  if (length > PSHMNAMLEN) return DARWIN_ENAMETOOLONG;
  if (length == 0) return EINVAL;
  snprintf(path, size, FOLDER "/%s", name);
  for (char *c = path + sizeof(FOLDER); *c != 0; c++)
    if (*c == '/') *c = '%';
  return 0;
}

/*
 * Makes an object, which nobody sees before it has its mode: the umask is not for it, and whoever makes it
 * has it open, whatever its mode forbids. Returns -1 if there is one of that name.
 */
static int create(const char *path, uint32_t mode, int linux_access) {
  char link[40];
  int fd = open(FOLDER, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0) return -1;
  snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
  int result = fchmod(fd, (mode & 0777) | S_ISVTX);
  if (result == 0) result = linkat(AT_FDCWD, link, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
  if (result != 0) {
    int error = errno;
    close(fd);
    errno = error;
    return -1;
  }
  /* A descriptor that knows the name; not where the mode forbids it, or another object has it by now. */
  struct stat made, found;
  int named = open(path, linux_access | O_CLOEXEC);
  if (named < 0) return fd;
  int same = fstat(fd, &made) == 0 && fstat(named, &found) == 0 && made.st_ino == found.st_ino;
  close(same ? fd : named);
  return same ? named : fd;
}

/* int shm_open(const char *name, int oflag, ...) */
int DARWIN(shm_open)(const char *name, int flags, uint32_t mode) {
  enum { CREAT = 0x200, TRUNC = 0x400, EXCL = 0x800, CLOEXEC = 0x1000000 };
  char path[200];
  struct stat status;
  int error = file_of(name, path, sizeof(path));
  if (error != 0) return fail(error);
  if ((flags & 3) == 3 || (flags & ~(3 | CREAT | TRUNC | EXCL | CLOEXEC)) != 0) return fail(EINVAL);
  /* Mapping an object for reading takes no right to read. */
  int linux_access = (flags & 3) == 0 ? O_RDONLY : O_RDWR;
  if ((flags & CREAT) != 0) {
    int fd = create(path, mode, linux_access);
    if (fd >= 0 || errno != EEXIST || (flags & EXCL) != 0) return done(fd);
  }
  if ((flags & TRUNC) != 0 && stat(path, &status) == 0 && shm_is_allocated(&status)) return fail(EINVAL);
  return done(open(path, linux_access | O_CLOEXEC));
}

/* It takes the right to write to the object, or to have made it. */
int DARWIN(shm_unlink)(const char *name) {
  char path[200];
  struct stat status;
  if (file_of(name, path, sizeof(path)) != 0) return fail(EINVAL);
  if (stat(path, &status) != 0) return done(-1);
  if (status.st_uid != geteuid() && faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) != 0) return done(-1);
  return done(unlink(path));
}

/* pshm_truncate: once in an object's life, to whole pages, whatever the descriptor is for. */
int shm_truncate(int fd, int64_t length) {
  struct stat status;
  char link[40];
  if (length < 0 || fstat(fd, &status) != 0 || shm_is_allocated(&status)) return fail(EINVAL);
  snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
  if (length > 0) return done(truncate(link, page_up(length))); /* which takes no descriptor */
  int writable = open(link, O_RDWR | O_CLOEXEC);
  if (writable < 0) return done(-1);
  /* An object of no page has its size too; blocks behind its end tell so. */
  int result = fallocate(writable, FALLOC_FL_KEEP_SIZE, 0, 1);
  int error = errno;
  close(writable);
  errno = error;
  return done(result);
}
