/*
 * The Futex and the Mutex of @mmap/mmap/sync for C programs (Linux; gcc or clang, C11 or later).
 *
 * Map the same file or shared memory (MAP_SHARED) and point at the same offset, a multiple of 64.
 * All numbers are 32-bit and in the machine's byte order; zeros are a free mutex. Processes may be in
 * any PID, time or mount namespace, and of any user who may open the object.
 *
 *     mmap_token token;
 *     if (mmap_token_take(&token, fd) != 0) ...
 *     if (mmap_mutex_lock(mutex, &token) == MMAP_OWNER_DIED) ...
 *     mmap_mutex_unlock(mutex);
 *     mmap_token_release(&token);
 *
 * A token shows others that its holder is alive. It belongs to one thread and one object (a file or
 * shared memory); a child process takes its own. It is an open-file-description lock (F_OFD_SETLK)
 * for reading of one byte of the object, 2^62 + (NUMBER << 32 | FINGERPRINT), in an open file
 * description that nobody else has. NUMBER is random, has 30 bits, and is not 0. Nobody else may
 * have a lock in [2^62 + (NUMBER << 32), 2^62 + (NUMBER + 1 << 32)): check that with F_OFD_GETLK
 * after taking the lock, and also that nobody has byte 2^62, which programs for Windows lock while
 * they use locks: their holders cannot be seen. Bits 0 to 21 of FINGERPRINT are the thread's number (gettid), the others
 * random.
 *
 * To find out whether a token's holder is dead, use F_OFD_GETLK for writing on that byte, or, while
 * the fingerprint is 0, on all bytes of that number: the answer is F_UNLCK if the holder is dead. A
 * description does not see its own lock.
 *
 * Futex, 64 bytes:
 *
 *   offset  bytes
 *   0       4      the word that is waited on
 *   4       60     unused
 *
 * Waiting and waking are futex(2) with FUTEX_WAIT and FUTEX_WAKE, without FUTEX_PRIVATE_FLAG.
 *
 * Mutex, 64 bytes:
 *
 *   offset  bits   what
 *   0       0-29   the NUMBER of the holder's token; 0: free
 *           31     WAITERS: somebody may sleep on this word, and unlocking must wake it
 *   4       all    the FINGERPRINT of the holder's token; 0: not written (yet)
 *   8              unused
 *
 * A thread writes its fingerprint right after it takes the mutex, and zeroes it right before it
 * gives the mutex back. To take the mutex from a dead holder, exchange both words at once, as one
 * word of 64 bits: two separate reads may see two living holders. Nobody wakes the waiters of a
 * dead holder: each of them checks every 30 ms.
 */

#ifndef MMAP_SYNC_H
#define MMAP_SYNC_H

#ifndef _GNU_SOURCE
#error "Define _GNU_SOURCE before the first #include: mmap_sync.h needs syscall() and F_OFD_SETLK"
#endif

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

typedef struct {
  int32_t word;
  int32_t unused[15];
} mmap_futex;

typedef union {
  struct {
    uint32_t state;
    uint32_t fingerprint;
  };
  uint64_t both;
  uint32_t words[16];
} mmap_mutex;

/* The last holder died with the mutex: you hold it now, but what it protects may be
 * half-changed. */
#define MMAP_OWNER_DIED EOWNERDEAD

typedef struct {
  int fd; /* a description of the object that nobody else has */
  uint32_t number;
  uint32_t fingerprint;
} mmap_token;

#define MMAP_NUMBER_MASK 0x3fffffffu
#define MMAP_WAITERS_BIT 0x80000000u

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
static inline int mmap_token_take(mmap_token *token, int fd) {
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

static inline int mmap_exchange_if(mmap_mutex *mutex, uint32_t expected, uint32_t desired) {
  return __atomic_compare_exchange_n(&mutex->state, &expected, desired, 0, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST);
}

typedef uint64_t __attribute__((may_alias)) mmap_pair;

/* Both words in one step. */
static inline int mmap_exchange_both_if(mmap_mutex *mutex, uint32_t state, uint32_t fingerprint,
                                        uint32_t new_state, uint32_t new_fingerprint) {
  const uint32_t before[2] = {state, fingerprint}, after[2] = {new_state, new_fingerprint};
  uint64_t expected, desired;
  memcpy(&expected, before, sizeof expected);
  memcpy(&desired, after, sizeof desired);
  return __atomic_compare_exchange_n((mmap_pair *)&mutex->state, &expected, desired, 0,
                                     __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* One attempt. Returns 0 or MMAP_OWNER_DIED if it was taken, EBUSY if it is held, EAGAIN to try
 * again. */
static inline int mmap_mutex_try_once(mmap_mutex *mutex, const mmap_token *own, int look_for_death,
                                      uint32_t bits) {
  uint32_t state = __atomic_load_n(&mutex->state, __ATOMIC_SEQ_CST);
  uint32_t number = state & MMAP_NUMBER_MASK;
  if (number == 0) {
    if (!mmap_exchange_if(mutex, state, state | own->number | bits)) return EAGAIN;
    __atomic_store_n(&mutex->fingerprint, own->fingerprint, __ATOMIC_SEQ_CST);
    return 0;
  }
  if (!look_for_death) return EBUSY;
  mmap_mutex dead = {.state = state}, mine = {.state = own->number | MMAP_WAITERS_BIT};
  dead.fingerprint = __atomic_load_n(&mutex->fingerprint, __ATOMIC_SEQ_CST);
  if (!mmap_is_dead(own, number, dead.fingerprint)) return EBUSY;
  /* WAITERS, because the dead holder's waiters are still there. */
  mine.fingerprint = own->fingerprint;
  return __atomic_compare_exchange_n(&mutex->both, &dead.both, mine.both, 0, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST)
             ? MMAP_OWNER_DIED
             : EAGAIN;
}

/* Takes it without waiting. Returns 0, MMAP_OWNER_DIED, or EBUSY if it is held. */
static inline int mmap_mutex_trylock(mmap_mutex *mutex, const mmap_token *own) {
  int result;
  while ((result = mmap_mutex_try_once(mutex, own, 1, 0)) == EAGAIN) {
  }
  return result;
}

/* Takes it, and sleeps as long as another thread has it. Returns 0 or MMAP_OWNER_DIED. */
static inline int mmap_mutex_lock(mmap_mutex *mutex, const mmap_token *own) {
  const struct timespec slice = {0, 30 * 1000 * 1000};
  int look_for_death = 1;
  uint32_t bits = 0;
  while (1) {
    int result = mmap_mutex_try_once(mutex, own, look_for_death, bits);
    if (result == EAGAIN) continue;
    if (result != EBUSY) return result;
    uint32_t state = __atomic_load_n(&mutex->state, __ATOMIC_SEQ_CST);
    if ((state & MMAP_NUMBER_MASK) == 0) continue;
    uint32_t waiting = state | MMAP_WAITERS_BIT;
    /* An exchange and not an `or`, which would leave the bit on a word that has just become free. */
    if (state != waiting && !mmap_exchange_if(mutex, state, waiting)) continue;
    look_for_death = mmap_futex_wait((int32_t *)&mutex->state, (int32_t)waiting, &slice) == ETIMEDOUT;
    bits = MMAP_WAITERS_BIT; /* others may sleep on it still */
  }
}

/* Gives it back. Only the thread that holds it may call this. */
static inline void mmap_mutex_unlock(mmap_mutex *mutex) {
  __atomic_store_n(&mutex->fingerprint, 0, __ATOMIC_SEQ_CST);
  uint32_t state = __atomic_exchange_n(&mutex->state, 0, __ATOMIC_SEQ_CST);
  if ((state & MMAP_WAITERS_BIT) != 0) mmap_futex_wake((int32_t *)&mutex->state, 1);
}

#endif
