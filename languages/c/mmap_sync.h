/*
 * The Futex and the Mutex of @mmap/mmap/sync for C programs (Linux and Windows; gcc or clang, C11 or
 * later).
 *
 * Map the same file or shared memory and point at the same offset, a multiple of 64. All numbers are
 * 32-bit and in the machine's byte order; zeros are a free mutex. Processes may be in any PID, time or
 * mount namespace, and of any user who may open the object.
 *
 *     mmap_object object = mmap_open("shared.bin");
 *     mmap_mutex *mutex = mmap_map(object, 0, 4096);
 *     mmap_token token;
 *     if (mmap_token_take(&token, object) != 0) ...
 *     if (mmap_mutex_lock(mutex, &token) == MMAP_OWNER_DIED) ...
 *     mmap_mutex_unlock(mutex);
 *     mmap_token_release(&token);
 *
 * mmap_open_handle opens what a region's handle names, in its text form. On Linux, an object is a
 * descriptor, and any call of mmap(2) with MAP_SHARED will do. On Windows it is a HANDLE, and memory has
 * to be mapped by mmap_map: that is how these headers know what lies where.
 *
 * A token shows others that its holder is alive. It belongs to one thread and one object (a file or
 * shared memory); a child process takes its own. It has a NUMBER, which is random, has 30 bits, is not
 * 0, and which no other token of the object has; and a FINGERPRINT. What tokens are, and how words are
 * waited for, is each system's own: see mmap_linux.h and mmap_windows.h.
 *
 * Futex, 64 bytes:
 *
 *   offset  bytes
 *   0       4      the word that is waited on
 *   4       60     unused
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

#define MMAP_NUMBER_MASK 0x3fffffffu
#define MMAP_WAITERS_BIT 0x80000000u

#if defined(__linux__)
#include "mmap_linux.h"
#elif defined(_WIN32)
#include "mmap_windows.h"
#else
#error "mmap_sync.h is for Linux and Windows"
#endif

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

/* Takes it, and sleeps as long as another thread has it. Returns 0 or MMAP_OWNER_DIED; on Windows also
 * what mmap_futex_wait returns if it cannot wait: EINVAL, ENOMEM. */
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
    int waited = mmap_futex_wait((int32_t *)&mutex->state, (int32_t)waiting, &slice);
    if (waited == EINVAL || waited == ENOMEM) return waited;
    look_for_death = waited == ETIMEDOUT;
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
