/*
 * What the headers of @mmap/mmap need of Linux: included by mmap_sync.h.
 *
 * A token is an open-file-description lock (F_OFD_SETLK) for reading of one byte of the object,
 * 2^62 + (NUMBER << 32 | FINGERPRINT), in an open file description that nobody else has. Nobody else may
 * have a lock in [2^62 + (NUMBER << 32), 2^62 + (NUMBER + 1 << 32)): check that with F_OFD_GETLK
 * after taking the lock, and also that nobody has byte 2^62, which programs for Windows lock while
 * they use locks: their holders cannot be seen. Bits 0 to 21 of FINGERPRINT are the thread's number
 * (gettid), the others random.
 *
 * To find out whether a token's holder is dead, use F_OFD_GETLK for writing on that byte, or, while
 * the fingerprint is 0, on all bytes of that number: the answer is F_UNLCK if the holder is dead. A
 * description does not see its own lock.
 *
 * Waiting and waking are futex(2) with FUTEX_WAIT and FUTEX_WAKE, without FUTEX_PRIVATE_FLAG.
 */

#ifndef MMAP_LINUX_H
#define MMAP_LINUX_H

#ifndef _GNU_SOURCE
#error "Define _GNU_SOURCE before the first #include: mmap_linux.h needs syscall() and F_OFD_SETLK"
#endif

#include "mmap_handle.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

/* ---- Objects and their memory ---- */

/* A file or shared memory that is open: a descriptor. */
typedef int mmap_object;
#define MMAP_NO_OBJECT (-1)

/* Opens a file; MMAP_NO_OBJECT and errno if it cannot. */
static inline mmap_object mmap_open(const char *path) {
  return open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
}

static inline void mmap_close(mmap_object object) {
  close(object);
}

/* Maps a part of it, from any byte on. Returns NULL and errno if it cannot. */
static inline void *mmap_map(mmap_object object, uint64_t offset, size_t length) {
  size_t lead = offset % (size_t)sysconf(_SC_PAGESIZE);
  char *mapped = mmap(NULL, lead + length, PROT_READ | PROT_WRITE, MAP_SHARED, object,
                      (off_t)(offset - lead));
  return mapped == MAP_FAILED ? NULL : mapped + lead;
}

static inline void mmap_unmap(void *memory, size_t length) {
  size_t lead = (uintptr_t)memory % (size_t)sysconf(_SC_PAGESIZE);
  munmap((char *)memory - lead, lead + length);
}

/* Whether a descriptor leads to the object that a handle names, at its full size. */
static inline int mmap_is_object(const char *handle, int fd) {
  struct statx status;
  char birth[32], born[32] = "";
  if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &status) != 0) return 0;
  if ((status.stx_mask & STATX_BTIME) != 0) {
    snprintf(born, sizeof born, "%lld",
             (long long)status.stx_btime.tv_sec * 1000000000 + status.stx_btime.tv_nsec);
  }
  return mmap_handle_field(handle, "birthTime", birth, sizeof birth) &&
         strcmp(birth, born) == 0 && mmap_handle_number(handle, "inode") == status.stx_ino &&
         mmap_handle_number(handle, "device") ==
             makedev(status.stx_dev_major, status.stx_dev_minor) &&
         mmap_handle_end(handle) <= status.stx_size;
}

/* Opens the object of a handle by its path, or else through the process that made the handle.
 * Returns MMAP_NO_OBJECT if it cannot. */
static inline mmap_object mmap_open_handle(const char *handle) {
  char kind[16], name[MMAP_PATH_BYTES], path[MMAP_PATH_BYTES + 16] = "";
  if (!mmap_handle_field(handle, "kind", kind, sizeof kind)) return -1;
  if (!mmap_handle_field(handle, "path", name, sizeof name)) return -1;
  if (strcmp(kind, "file") == 0) snprintf(path, sizeof path, "%s", name);
  if (strcmp(kind, "named") == 0) {
    snprintf(path, sizeof path, "/dev/shm/%s", name + (name[0] == '/'));
  }
  int fd = path[0] == '\0' ? -1 : mmap_open(path);
  if (fd >= 0 && mmap_is_object(handle, fd)) return fd;
  if (fd >= 0) close(fd);
  snprintf(path, sizeof path, "/proc/%llu/fd/%llu",
           (unsigned long long)mmap_handle_number(handle, "pid"),
           (unsigned long long)mmap_handle_number(handle, "fd"));
  /* The object is checked before it is opened: opening an unknown file could have side effects. */
  int place = open(path, O_PATH | O_CLOEXEC);
  if (place < 0) return -1;
  int is_object = mmap_is_object(handle, place);
  close(place);
  if (!is_object) return -1;
  fd = mmap_open(path);
  if (fd < 0 || mmap_is_object(handle, fd)) return fd;
  close(fd);
  return -1;
}

/* ---- Waiting ---- */

/*
 * Sleeps while the word has that value; `timeout` may be NULL. Returns 0 if woken, perhaps
 * spuriously, else EAGAIN (the word has another value), ETIMEDOUT or EINTR.
 */
static inline int mmap_futex_wait(int32_t *word, int32_t expected, const struct timespec *timeout) {
  return syscall(SYS_futex, word, FUTEX_WAIT, expected, timeout, NULL, 0) == 0 ? 0 : errno;
}

/* Wakes at most `count` waiters; returns how many were woken. */
static inline int mmap_futex_wake(int32_t *word, int count) {
  return (int)syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0);
}

static inline double mmap_now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

/* ---- Tokens ---- */

typedef struct {
  int fd; /* a description of the object that nobody else has */
  uint32_t number;
  uint32_t fingerprint;
} mmap_token;

/*
 * Takes or releases (`command` F_OFD_SETLK) the lock of `count` bytes from a token's byte on, or
 * asks who has it (F_OFD_GETLK). Returns the resulting type of lock, or -1 and errno.
 */
static inline int mmap_token_lock(int fd, int command, short type, uint32_t number,
                                  uint32_t fingerprint, int64_t count) {
  struct flock64 lock = {.l_type = type, .l_whence = SEEK_SET, .l_len = count};
  lock.l_start = (int64_t)1 << 62 | (int64_t)number << 32 | fingerprint;
  return fcntl(fd, command, &lock) == 0 ? lock.l_type : -1;
}

/* Opens the object of `fd` anew and takes a token of it. Returns 0 or an errno; EAGAIN: somebody has
 * locked all of the object; EBUSY: a program for Windows uses locks of it. */
static inline int mmap_token_take(mmap_token *token, mmap_object fd) {
  char path[32];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  token->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (token->fd < 0) return errno;
  int error = EAGAIN;
  for (int tries = 0; error == EAGAIN && tries < 8; tries++) {
    uint32_t bits[2];
    if (getrandom(bits, sizeof bits, 0) != sizeof bits) error = EIO;
    token->number = (bits[0] & MMAP_NUMBER_MASK) == 0 ? 1 : bits[0] & MMAP_NUMBER_MASK;
    token->fingerprint = (bits[1] & 0xffc00000u) | (uint32_t)syscall(SYS_gettid);
    if (error != EAGAIN) break;
    if (mmap_token_lock(token->fd, F_OFD_SETLK, F_RDLCK, token->number, token->fingerprint, 1) < 0) {
      error = errno == EACCES ? EAGAIN : errno;
      continue;
    }
    /* If two threads take the same number at the same time, each sees the other here. */
    int found = mmap_token_lock(token->fd, F_OFD_GETLK, F_WRLCK, token->number, 0, (int64_t)1 << 32);
    if (found == F_UNLCK) {
      if (mmap_token_lock(token->fd, F_OFD_GETLK, F_WRLCK, 0, 0, 1) == F_UNLCK) return 0;
      error = EBUSY;
    }
    mmap_token_lock(token->fd, F_OFD_SETLK, F_UNLCK, token->number, token->fingerprint, 1);
  }
  close(token->fd);
  token->fd = -1;
  return error;
}

/* Gives it up: from now on, everything that is still held with it counts as a dead holder's. */
static inline void mmap_token_release(mmap_token *token) {
  if (token->fd >= 0) close(token->fd);
  token->fd = -1;
}

/* Whether the holder of a token of the same object is certainly dead. A fingerprint of 0 is not
 * known. */
static inline int mmap_is_dead(const mmap_token *own, uint32_t number, uint32_t fingerprint) {
  if (number == own->number && (fingerprint == 0 || fingerprint == own->fingerprint)) return 0;
  int64_t count = fingerprint == 0 ? (int64_t)1 << 32 : 1;
  return mmap_token_lock(own->fd, F_OFD_GETLK, F_WRLCK, number, fingerprint, count) == F_UNLCK;
}

static inline uint32_t mmap_process_id(void) {
  return (uint32_t)getpid();
}

/* ---- Doorbells: see mmap_channel.h ---- */

/* Opens a process's doorbell of that number. Returns -1 if this process cannot reach it. */
static inline int mmap_doorbell_open(uint32_t process, uint32_t descriptor, uint32_t number) {
  char path[64], target[8] = "";
  snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)process, (int)descriptor);
  /* First, since opening something else could have side effects. */
  if (readlink(path, target, sizeof target - 1) < 0 || strncmp(target, "pipe:[", 6) != 0) return -1;
  /* For reading too: writing to a pipe without a reader would be a signal. */
  int fd = mmap_open(path);
  if (fd < 0) return -1;
  /* The lock shows that it is that doorbell, whatever the words say. */
  if (mmap_token_lock(fd, F_OFD_GETLK, F_WRLCK, number, 0, (int64_t)1 << 32) == F_RDLCK) return fd;
  close(fd);
  return -1;
}

static inline void mmap_doorbell_ring(int fd) {
  ssize_t written = write(fd, "", 1); /* a full pipe has been rung already */
  (void)written;
}

static inline void mmap_doorbell_close(int fd) {
  close(fd);
}

#endif
