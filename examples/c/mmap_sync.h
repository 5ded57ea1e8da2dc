/*
 * The Futex and the Mutex of @mmap/mmap/sync for C programs (Linux; gcc or clang, C11 or later).
 *
 * Map the same file or shared memory (MAP_SHARED) and point at the same offset, a multiple of 64.
 * All numbers are 32-bit and in the machine's byte order; zeros are a free mutex. All processes must
 * be in one PID namespace.
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
 *   0       0-29   the holder's thread number (gettid); 0: free
 *           31     WAITERS: somebody may sleep on this word, and is to be woken by who unlocks
 *   4       all    the holder's fingerprint; 0: not known (yet)
 *   8              unused
 *
 * The fingerprint tells the holder from a later thread of its number. It is the 32-bit FNV-1a hash
 * (from 0x811c9dc5; for each byte: xor, then times 0x01000193), or 1 if that is 0, of the text
 * "START BOOT": START is the 22nd field of /proc/TID/stat, when the thread started, in decimal; BOOT is
 * the line in /proc/sys/kernel/random/boot_id.
 *
 * Who takes the mutex writes its fingerprint right after; who gives it back zeroes the fingerprint
 * right before. Who takes it from a dead holder exchanges both words at once, as one of 64 bits: read
 * one after the other, they may be of two holders that live. A holder is dead if kill(TID, 0) fails with ESRCH, if its state in /proc/TID/stat is
 * Z or X, or if that one's fingerprint is another one. Nobody wakes the waiters of a dead holder: each
 * of them looks every 50 ms.
 */

#ifndef MMAP_SYNC_H
#define MMAP_SYNC_H

#ifndef _GNU_SOURCE
#error "Define _GNU_SOURCE before the first #include: mmap_sync.h needs syscall() and pthread_atfork()"
#endif

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
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

/* The last holder died with the mutex: it is yours, but what it protects may be half-changed. */
#define MMAP_OWNER_DIED EOWNERDEAD

#define MMAP_TID_MASK 0x3fffffffu
#define MMAP_WAITERS_BIT 0x80000000u

/*
 * Sleeps while the word has that value; `timeout` may be NULL. Returns 0 if woken, perhaps for nothing,
 * else EAGAIN (the word is another one), ETIMEDOUT or EINTR.
 */
static inline int mmap_futex_wait(int32_t *word, int32_t expected, const struct timespec *timeout) {
  return syscall(SYS_futex, word, FUTEX_WAIT, expected, timeout, NULL, 0) == 0 ? 0 : errno;
}

/* Wakes at most `count` waiters; returns how many were woken. */
static inline int mmap_futex_wake(int32_t *word, int count) {
  return (int)syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0);
}

/* The state and the start time of a thread. Returns 0 if they cannot be read. */
static inline int mmap_read_stat(uint32_t tid, char *state, unsigned long long *start_time) {
  char path[32], text[1024];
  snprintf(path, sizeof path, "/proc/%u/stat", tid);
  FILE *file = fopen(path, "r");
  if (file == NULL) return 0;
  size_t length = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  text[length] = '\0';
  /* The second field is the command in parentheses, which may hold anything. */
  const char *at = strrchr(text, ')');
  if (at == NULL || at[1] == '\0') return 0;
  *state = at[2];
  int field = 2;
  for (at++; *at != '\0' && field < 22; at++) field += *at == ' ';
  return field == 22 && sscanf(at, " %llu", start_time) == 1;
}

static inline uint32_t mmap_hash(uint32_t hash, const char *text) {
  for (; *text != '\0'; text++) hash = (hash ^ (unsigned char)*text) * 0x01000193u;
  return hash;
}

static inline uint32_t mmap_fingerprint(unsigned long long start_time) {
  static __thread char boot[64];
  if (boot[0] == '\0') {
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");
    if (file != NULL) {
      if (fgets(boot, sizeof boot, file) != NULL) boot[strcspn(boot, "\n")] = '\0';
      fclose(file);
    }
  }
  char start[32];
  snprintf(start, sizeof start, "%llu ", start_time);
  uint32_t hash = mmap_hash(mmap_hash(0x811c9dc5u, start), boot);
  return hash == 0 ? 1 : hash;
}

/* Who this thread is. Found out once: it takes system calls. */
static __thread uint32_t mmap_own_tid, mmap_own_fingerprint;

static inline void mmap_forget_self(void) {
  mmap_own_tid = 0;
}

static inline void mmap_register_fork(void) {
  pthread_atfork(NULL, NULL, mmap_forget_self); /* a forked child is another thread */
}

static inline void mmap_find_self(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  if (mmap_own_tid != 0) return;
  pthread_once(&once, mmap_register_fork);
  char state;
  unsigned long long start_time = 0;
  uint32_t tid = (uint32_t)syscall(SYS_gettid);
  mmap_read_stat(tid, &state, &start_time);
  mmap_own_fingerprint = mmap_fingerprint(start_time);
  mmap_own_tid = tid;
}

/* Whether a thread is dead for sure. A fingerprint of 0 is not known. */
static inline int mmap_is_dead(uint32_t tid, uint32_t fingerprint) {
  char state;
  unsigned long long start_time;
  if (kill((pid_t)tid, 0) != 0 && errno == ESRCH) return 1;
  if (!mmap_read_stat(tid, &state, &start_time)) return 0;
  if (state == 'Z' || state == 'X') return 1;
  return fingerprint != 0 && mmap_fingerprint(start_time) != fingerprint;
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

/* One try. Returns 0 or MMAP_OWNER_DIED if it is got, EBUSY if it is held, EAGAIN to try again. */
static inline int mmap_mutex_try_once(mmap_mutex *mutex, int look_for_death, uint32_t bits) {
  mmap_find_self();
  uint32_t state = __atomic_load_n(&mutex->state, __ATOMIC_SEQ_CST);
  uint32_t tid = state & MMAP_TID_MASK;
  if (tid == 0) {
    if (!mmap_exchange_if(mutex, state, state | mmap_own_tid | bits)) return EAGAIN;
    __atomic_store_n(&mutex->fingerprint, mmap_own_fingerprint, __ATOMIC_SEQ_CST);
    return 0;
  }
  if (!look_for_death) return EBUSY;
  mmap_mutex dead = {.state = state}, mine = {.state = mmap_own_tid | MMAP_WAITERS_BIT};
  dead.fingerprint = __atomic_load_n(&mutex->fingerprint, __ATOMIC_SEQ_CST);
  if (!mmap_is_dead(tid, dead.fingerprint)) return EBUSY;
  /* WAITERS, because the dead one's waiters are there still. */
  mine.fingerprint = mmap_own_fingerprint;
  return __atomic_compare_exchange_n(&mutex->both, &dead.both, mine.both, 0, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST)
             ? MMAP_OWNER_DIED
             : EAGAIN;
}

/* Takes it if that needs no waiting. Returns 0, MMAP_OWNER_DIED, or EBUSY if it is held. */
static inline int mmap_mutex_trylock(mmap_mutex *mutex) {
  int result;
  while ((result = mmap_mutex_try_once(mutex, 1, 0)) == EAGAIN) {
  }
  return result;
}

/* Takes it, and sleeps as long as another thread has it. Returns 0 or MMAP_OWNER_DIED. */
static inline int mmap_mutex_lock(mmap_mutex *mutex) {
  const struct timespec slice = {0, 50 * 1000 * 1000};
  int look_for_death = 1;
  uint32_t bits = 0;
  while (1) {
    int result = mmap_mutex_try_once(mutex, look_for_death, bits);
    if (result == EAGAIN) continue;
    if (result != EBUSY) return result;
    uint32_t state = __atomic_load_n(&mutex->state, __ATOMIC_SEQ_CST);
    if ((state & MMAP_TID_MASK) == 0) continue;
    uint32_t waiting = state | MMAP_WAITERS_BIT;
    /* An exchange and not an `or`, which would leave the bit on a word that has just become free. */
    if (state != waiting && !mmap_exchange_if(mutex, state, waiting)) continue;
    look_for_death = mmap_futex_wait((int32_t *)&mutex->state, (int32_t)waiting, &slice) == ETIMEDOUT;
    bits = MMAP_WAITERS_BIT; /* others may sleep on it still */
  }
}

/* Gives it back. By the thread that has it only. */
static inline void mmap_mutex_unlock(mmap_mutex *mutex) {
  __atomic_store_n(&mutex->fingerprint, 0, __ATOMIC_SEQ_CST);
  uint32_t state = __atomic_exchange_n(&mutex->state, 0, __ATOMIC_SEQ_CST);
  if ((state & MMAP_WAITERS_BIT) != 0) mmap_futex_wake((int32_t *)&mutex->state, 1);
}

#endif
