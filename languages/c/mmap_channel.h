/*
 * The Channel of @mmap/mmap/channel for C programs (Linux and Windows; gcc or clang, C11 or later; little
 * endian).
 *
 *     mmap_channel channel;
 *     if (mmap_channel_open_env(&channel, NULL, MMAP_CONSUMER) != 0) ...
 *     char message[256];
 *     size_t length;
 *     while (mmap_channel_receive(&channel, message, sizeof message, &length, -1) == 0) ...
 *     mmap_channel_close(&channel);
 *
 * An mmap_channel is one end, and belongs to the thread that opened it: if that thread ends without
 * closing it, the other end finds it dead. All functions return 0 or an errno.
 *
 * The layout, in 32-bit words of the machine's byte order:
 *
 *   offset  word      what
 *   0       0, 1      a lock (as the Mutex in mmap_sync.h), held while the channel is made
 *   8       2         "MCHN"; 0: not made yet
 *   12      3         the version of this layout: 3
 *   16      4         CAPACITY: the ring's length in bytes, a power of two from 4096 to 2^30
 *   20      5         FLAGS: bit 0: several producers; bit 1: several consumers
 *   28      7         STATE: bit 0: nothing more will be sent; bit 1: the last consumer has left
 *   32      8, 9      a lock, held while somebody joins or leaves
 *   40      10, 11    a hash of the messages' layout (Channel.of), of 64 bits; 0: any bytes
 *   64      16, 17    TAIL: how much was ever sent, in units of 8 bytes: one number of 64 bits
 *   128     32, 33    HEAD: how much was ever received, likewise
 *   192     48        SEND_BELL: 1: a producer may sleep on this word
 *   256     64        RECEIVE_BELL: 1: a consumer may sleep on this word
 *   320     80, 81    a lock: whose turn it is to send, where there are several producers
 *   384     96, 97    a lock: whose turn it is to receive, where there are several consumers
 *   512     128-623   124 ends of 4 words: the NUMBER of a token (0: free; see mmap_sync.h), its
 *                     FINGERPRINT, process, roles (bit 0: producer; bit 1: consumer; 0: neither yet)
 *   2552    638       how many may sleep on a bell, besides some who died
 *   2556    639       the word behind the list that follows, as far as it was ever used
 *   2560    640-767   64 owners of doorbells, two words each: NUMBER and FINGERPRINT of a token
 *   3072    768-1023  64 doorbells of 4 words: a state, the owner's process, a descriptor, unused
 *   4096    1024...   the ring
 *
 * A record begins at a multiple of 8 bytes: a word with the message's length in bytes, an unused
 * word, the message, and padding to a multiple of 8. A record never wraps around the ring's end: if
 * it would, -1 takes the place of its length, and the record is at the ring's beginning.
 *
 * A producer writes a record, then sets TAIL behind it, then looks at RECEIVE_BELL. A consumer that
 * finds nothing sets RECEIVE_BELL to 1, looks at TAIL once more, and sleeps on the bell
 * (mmap_futex_wait) while it is 1. A process that finds a bell at 1 sets it to 0 and wakes all sleepers.
 * Sleepers count themselves in word 638 meanwhile; while that is 0, nobody is woken on the bell.
 *
 * On Linux, a Deno program may sleep in its event loop instead. Its doorbell is a pipe, at /proc/PROCESS/fd/DESCRIPTOR
 * of its owner, and has a lock of bytes from 2^62 + (N << 32) on, as a token of the number N. Its
 * state is N << 2, plus 0: somebody cannot reach it; 1: nobody has reached it yet; 2: its owner is
 * awake; 3: asleep. Whoever has set a bell to 0 looks at all of them: 1 becomes 2, or 0 where the
 * doorbell cannot be reached, and 3 becomes 2 with a byte written to the pipe.
 *
 * HEAD and SEND_BELL work the same way in the other direction, but a producer is woken only when
 * half of the ring is free. A sleeper checks every 30 ms whether the other end is dead.
 */

#ifndef MMAP_CHANNEL_H
#define MMAP_CHANNEL_H

#include "mmap_sync.h"

#include <limits.h>
#include <stdlib.h>

/* Which end this is. */
#define MMAP_PRODUCER 1
#define MMAP_CONSUMER 2

/* The channel has ended, and everything was received. */
#define MMAP_CHANNEL_END ENODATA

enum {
  MMAP_CHANNEL_MAGIC = 2,
  MMAP_CHANNEL_VERSION = 3,
  MMAP_CHANNEL_CAPACITY = 4,
  MMAP_CHANNEL_FLAGS = 5,
  MMAP_CHANNEL_STATE = 7,
  MMAP_CHANNEL_LIST_LOCK = 8,
  MMAP_CHANNEL_TAIL = 16,
  MMAP_CHANNEL_HEAD = 32,
  MMAP_CHANNEL_SEND_BELL = 48,
  MMAP_CHANNEL_RECEIVE_BELL = 64,
  MMAP_CHANNEL_SEND_LOCK = 80,
  MMAP_CHANNEL_RECEIVE_LOCK = 96,
  MMAP_CHANNEL_ENDS = 128,
  MMAP_CHANNEL_ENDS_BEHIND = 624,
  MMAP_CHANNEL_BELL_SLEEPERS = 638,
  MMAP_CHANNEL_OWNERS_END = 639,
  MMAP_CHANNEL_OWNERS = 640,
  MMAP_CHANNEL_DOORBELLS = 768,
  MMAP_CHANNEL_MOST_DOORBELLS = 64,
  MMAP_CHANNEL_HEADER_BYTES = 4096,
  MMAP_CHANNEL_ENDED = 1,
  MMAP_CHANNEL_DESERTED = 2,
};

/* One end of a channel. */
typedef struct {
  uint32_t *words; /* the layout's words */
  char *ring;
  uint32_t units;      /* the ring's length, in units of 8 bytes */
  uint32_t role;       /* MMAP_PRODUCER or MMAP_CONSUMER */
  uint32_t place;      /* its first word in the list of ends */
  mmap_mutex *turn;    /* NULL: there is one producer, or one consumer */
  uint64_t position;   /* TAIL of a producer, HEAD of a consumer */
  uint64_t other;      /* the other one of both, when last looked at */
  int held;            /* whether a message is reserved or peeked */
  uint64_t record;     /* where its record begins */
  size_t length;       /* how long it is, or may be */
  mmap_token token;    /* shows the other end that this one lives */
  struct {
    uint32_t number; /* 0: not opened */
    int doorbell;
  } ropes[MMAP_CHANNEL_MOST_DOORBELLS]; /* the ways to the doorbells */
  size_t mapped_length;
} mmap_channel;

/* ---- Opening ---- */

/* Whether there is a channel of this layout in so many bytes. */
static inline int mmap_channel_is_valid(const uint32_t *words, size_t length) {
  if (length < MMAP_CHANNEL_HEADER_BYTES) return 0;
  /* Pairs with the store of the creator: a process that sees "MCHN" sees the rest. */
  uint32_t magic = __atomic_load_n(&words[MMAP_CHANNEL_MAGIC], __ATOMIC_ACQUIRE);
  uint32_t capacity = words[MMAP_CHANNEL_CAPACITY];
  return memcmp(&magic, "MCHN", 4) == 0 && words[MMAP_CHANNEL_VERSION] == 3 && capacity >= 4096 &&
         capacity <= 1u << 30 && (capacity & (capacity - 1)) == 0 &&
         capacity <= length - MMAP_CHANNEL_HEADER_BYTES;
}

static inline uint64_t mmap_channel_load(const mmap_channel *channel, int index) {
  return __atomic_load_n((const uint64_t *)(channel->words + index), __ATOMIC_SEQ_CST);
}

static inline int mmap_channel_is_producer(const mmap_channel *channel) {
  return channel->role == MMAP_PRODUCER;
}

/* Reads the positions of others again: at the beginning, and at each turn. */
static inline void mmap_channel_reload(mmap_channel *channel) {
  uint64_t tail = mmap_channel_load(channel, MMAP_CHANNEL_TAIL);
  uint64_t head = mmap_channel_load(channel, MMAP_CHANNEL_HEAD);
  channel->position = mmap_channel_is_producer(channel) ? tail : head;
  channel->other = mmap_channel_is_producer(channel) ? head : tail;
}

/* ---- The list of ends ---- */

static inline void mmap_channel_lock_list(mmap_channel *channel) {
  mmap_mutex_lock((mmap_mutex *)(channel->words + MMAP_CHANNEL_LIST_LOCK), &channel->token);
}

static inline void mmap_channel_unlock_list(mmap_channel *channel) {
  mmap_mutex_unlock((mmap_mutex *)(channel->words + MMAP_CHANNEL_LIST_LOCK));
}

/* The number of ends with a role (0: without a role yet): the living ones, or the dead ones. */
static inline int mmap_channel_count(mmap_channel *channel, uint32_t role, int dead) {
  int count = 0;
  for (int i = MMAP_CHANNEL_ENDS; i < MMAP_CHANNEL_ENDS_BEHIND; i += 4) {
    const uint32_t *end = channel->words + i;
    uint32_t number = __atomic_load_n(&end[0], __ATOMIC_SEQ_CST);
    if (number == 0 || (role == 0 ? end[3] != 0 : (end[3] & role) == 0)) continue;
    if (mmap_is_dead(&channel->token, number, end[1]) == dead) count++;
  }
  return count;
}

/*
 * A place for one more end of a role. An end that died in that role, or without one, is replaced.
 * An end that died in the other role is kept, so that its death is noticed, unless there is no
 * other place. NULL: all ends are alive.
 */
static inline uint32_t *mmap_channel_free_end(mmap_channel *channel, uint32_t role) {
  uint32_t *free_end = NULL, *dead_end = NULL;
  for (int i = MMAP_CHANNEL_ENDS; i < MMAP_CHANNEL_ENDS_BEHIND; i += 4) {
    uint32_t *end = channel->words + i;
    if (end[0] != 0 && mmap_is_dead(&channel->token, end[0], end[1])) {
      end[3] &= ~role;
      if (end[3] == 0) __atomic_store_n(&end[0], 0, __ATOMIC_SEQ_CST);
      else dead_end = end;
    }
    if (end[0] == 0 && free_end == NULL) free_end = end;
  }
  return free_end != NULL ? free_end : dead_end;
}

/* Enters this end. */
static inline int mmap_channel_enter(mmap_channel *channel) {
  uint32_t *free_end = mmap_channel_free_end(channel, channel->role);
  if (free_end == NULL) return EBUSY;
  if (channel->turn == NULL && mmap_channel_count(channel, channel->role, 0) > 0) return EBUSY;
  /* Others must not mistake the next words for the previous end. */
  __atomic_store_n(&free_end[0], 0, __ATOMIC_SEQ_CST);
  free_end[1] = channel->token.fingerprint;
  free_end[2] = mmap_process_id();
  free_end[3] = channel->role;
  /* Last: a place with the number 0 is free, whatever else is in it. */
  __atomic_store_n(&free_end[0], channel->token.number, __ATOMIC_SEQ_CST);
  channel->place = (uint32_t)(free_end - channel->words);
  if (channel->role == MMAP_CONSUMER) {
    __atomic_and_fetch(&channel->words[MMAP_CHANNEL_STATE], ~(uint32_t)MMAP_CHANNEL_DESERTED,
                       __ATOMIC_SEQ_CST);
  }
  return 0;
}

/*
 * Whether the other end was there and is dead. If nobody has had that role yet, ends without a role
 * count.
 */
static inline int mmap_channel_is_lost(mmap_channel *channel) {
  uint32_t other = MMAP_PRODUCER + MMAP_CONSUMER - channel->role;
  mmap_channel_lock_list(channel);
  int living = mmap_channel_count(channel, other, 0), dead = mmap_channel_count(channel, other, 1);
  if (living + dead == 0) {
    living = mmap_channel_count(channel, 0, 0);
    dead = mmap_channel_count(channel, 0, 1);
  }
  mmap_channel_unlock_list(channel);
  return dead > 0 && living == 0;
}

/*
 * Opens one end of the channel that a handle leads to, in its text form. ENOENT: the object cannot
 * be reached. EPROTO: it holds no channel. EBUSY: there is another producer or consumer, and only
 * one is allowed.
 */
static inline int mmap_channel_open(mmap_channel *channel, const char *handle, uint32_t role) {
  memset(channel, 0, sizeof *channel);
  if (role != MMAP_PRODUCER && role != MMAP_CONSUMER) return EINVAL;
  if (strncmp(handle, "mmap:", 5) != 0) return EINVAL;
  mmap_object object = mmap_open_handle(handle);
  if (object == MMAP_NO_OBJECT) return ENOENT;
  size_t length = mmap_handle_number(handle, "byteLength");
  channel->words = mmap_map(object, mmap_handle_number(handle, "byteOffset"), length);
  channel->mapped_length = length;
  int error = channel->words == NULL ? errno : mmap_token_take(&channel->token, object);
  mmap_close(object);
  if (channel->words == NULL) return error;
  if (error != 0) {
    mmap_unmap(channel->words, length);
    return error;
  }
  if (mmap_channel_is_valid(channel->words, length)) {
    uint32_t lock = role == MMAP_PRODUCER ? MMAP_CHANNEL_SEND_LOCK : MMAP_CHANNEL_RECEIVE_LOCK;
    int several = (channel->words[MMAP_CHANNEL_FLAGS] & role) != 0;
    channel->ring = (char *)channel->words + MMAP_CHANNEL_HEADER_BYTES;
    channel->units = channel->words[MMAP_CHANNEL_CAPACITY] / 8;
    channel->role = role;
    channel->turn = several ? (mmap_mutex *)(channel->words + lock) : NULL;
    mmap_channel_lock_list(channel);
    error = mmap_channel_enter(channel);
    mmap_channel_unlock_list(channel);
    mmap_channel_reload(channel);
  } else {
    error = EPROTO;
  }
  if (error != 0) {
    mmap_token_release(&channel->token);
    mmap_unmap(channel->words, length);
  }
  return error;
}

/* As mmap_channel_open, by the handle in the environment; NULL stands for "MMAP_CHANNEL". */
static inline int mmap_channel_open_env(mmap_channel *channel, const char *variable, uint32_t role) {
  const char *handle = getenv(variable == NULL ? "MMAP_CHANNEL" : variable);
  return handle == NULL ? ENOENT : mmap_channel_open(channel, handle, role);
}

/* ---- The ring ---- */

/* The longest message, in bytes. */
static inline size_t mmap_channel_longest(const mmap_channel *channel) {
  return (size_t)channel->units * 4 - 8;
}

static inline uint64_t mmap_channel_units_of(size_t length) {
  return 1 + (length + 7) / 8;
}

static inline int32_t *mmap_channel_length_at(mmap_channel *channel, uint64_t position) {
  return (int32_t *)(channel->ring + 8 * (position & (channel->units - 1)));
}

static inline void mmap_channel_drop_rope(mmap_channel *channel, int i) {
  if (channel->ropes[i].number != 0) mmap_doorbell_close(channel->ropes[i].doorbell);
  channel->ropes[i].number = 0;
}

/* The way to a doorbell; -1: this process cannot reach it. */
static inline int mmap_channel_reach(mmap_channel *channel, int i, const uint32_t *doorbell,
                                     uint32_t number) {
  if (number == 0) return -1;
  if (channel->ropes[i].number == number) return channel->ropes[i].doorbell;
  mmap_channel_drop_rope(channel, i);
  int rope = mmap_doorbell_open(doorbell[1], doorbell[2], number);
  if (rope < 0) return -1;
  channel->ropes[i].number = number;
  return channel->ropes[i].doorbell = rope;
}

/* Rings for those who sleep in their event loops. */
static inline void mmap_channel_ring(mmap_channel *channel) {
  uint32_t end = __atomic_load_n(&channel->words[MMAP_CHANNEL_OWNERS_END], __ATOMIC_SEQ_CST);
  if (end > MMAP_CHANNEL_DOORBELLS) end = MMAP_CHANNEL_DOORBELLS;
  for (uint32_t i = 0; MMAP_CHANNEL_OWNERS + 2 * i < end; i++) {
    uint32_t *doorbell = channel->words + MMAP_CHANNEL_DOORBELLS + 4 * i;
    uint32_t state = __atomic_load_n(doorbell, __ATOMIC_SEQ_CST);
    if ((state & 3) != 1 && (state & 3) != 3) continue;
    int rope = mmap_channel_reach(channel, (int)i, doorbell, state >> 2);
    uint32_t next = (state & ~3u) | (rope < 0 ? 0 : 2), before = state;
    if (!__atomic_compare_exchange_n(doorbell, &before, next, 0, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST)) {
      continue; /* somebody else rings */
    }
    if (rope >= 0 && (state & 3) == 3) mmap_doorbell_ring(rope);
  }
}

/* Wakes those that sleep on a bell. They sleep on the word that this changes, so none is missed. */
static inline void mmap_channel_wake(mmap_channel *channel, int bell) {
  uint32_t *word = channel->words + bell;
  if (__atomic_load_n(word, __ATOMIC_SEQ_CST) == 0) return;
  if (__atomic_exchange_n(word, 0, __ATOMIC_SEQ_CST) == 0) return;
  /* After the exchange: who counts itself later finds the bell changed. */
  if (__atomic_load_n(&channel->words[MMAP_CHANNEL_BELL_SLEEPERS], __ATOMIC_SEQ_CST) != 0) {
    mmap_futex_wake((int32_t *)word, INT_MAX);
  }
  mmap_channel_ring(channel);
}

/* Room for a record. */
static inline int mmap_channel_claim(mmap_channel *channel, size_t length) {
  if (__atomic_load_n(&channel->words[MMAP_CHANNEL_STATE], __ATOMIC_SEQ_CST) != 0) return EPIPE;
  uint64_t to_end = channel->units - (channel->position & (channel->units - 1));
  uint64_t units = mmap_channel_units_of(length), skipped = units > to_end ? to_end : 0;
  uint64_t behind = channel->position + skipped + units;
  if (behind - channel->other > channel->units) {
    /* Pairs with the store in mmap_channel_release: overwritten messages were read. */
    channel->other = mmap_channel_load(channel, MMAP_CHANNEL_HEAD);
    if (behind - channel->other > channel->units) return EAGAIN;
  }
  if (skipped != 0) *mmap_channel_length_at(channel, channel->position) = -1;
  channel->record = channel->position + skipped;
  channel->length = length;
  return 0;
}

/* The next record. */
static inline int mmap_channel_find(mmap_channel *channel) {
  if (channel->position == channel->other) {
    /* Nothing is sent after the end, so the end is read first, then the tail. */
    uint32_t state = __atomic_load_n(&channel->words[MMAP_CHANNEL_STATE], __ATOMIC_SEQ_CST);
    /* Pairs with the store in mmap_channel_commit: a consumer that sees the new tail sees the
     * records. */
    channel->other = mmap_channel_load(channel, MMAP_CHANNEL_TAIL);
    if (channel->position == channel->other) {
      return (state & MMAP_CHANNEL_ENDED) != 0 ? MMAP_CHANNEL_END : EAGAIN;
    }
  }
  uint64_t record = channel->position;
  if (*mmap_channel_length_at(channel, record) == -1) {
    record += channel->units - (record & (channel->units - 1));
  }
  /* Other processes write to the ring, and may write nonsense. */
  int32_t length = *mmap_channel_length_at(channel, record);
  if (length < 0 || (size_t)length > mmap_channel_longest(channel)) return EPROTO;
  if (record + mmap_channel_units_of((size_t)length) > channel->other) return EPROTO;
  channel->record = record;
  channel->length = (size_t)length;
  return 0;
}

/* One attempt. With several users of this end it takes a turn, and keeps it on success. */
static inline int mmap_channel_attempt(mmap_channel *channel, size_t length) {
  if (channel->turn != NULL) {
    mmap_mutex_lock(channel->turn, &channel->token); /* a dead one's is taken over: it published nothing halfway */
    mmap_channel_reload(channel);
  }
  int error = mmap_channel_is_producer(channel) ? mmap_channel_claim(channel, length)
                                                : mmap_channel_find(channel);
  channel->held = error == 0;
  if (error != 0 && channel->turn != NULL) mmap_mutex_unlock(channel->turn);
  return error;
}

/* Tries until it succeeds; for the first microseconds without sleeping. */
static inline int mmap_channel_wait(mmap_channel *channel, size_t length, int timeout_ms) {
  if (channel->held) return EBUSY;
  int error = mmap_channel_attempt(channel, length);
  for (int i = 0; error == EAGAIN && timeout_ms != 0 && i < 2000; i++) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
    error = mmap_channel_attempt(channel, length);
  }
  if (error != EAGAIN || timeout_ms == 0) return error;
  double deadline = mmap_now_ms() + timeout_ms;
  int bell = mmap_channel_is_producer(channel) ? MMAP_CHANNEL_SEND_BELL : MMAP_CHANNEL_RECEIVE_BELL;
  uint32_t *word = channel->words + bell;
  int look = 0;
  while (1) {
    /* Before the last try: either it finds what the other end did, or the other end finds the
     * bell. */
    __atomic_store_n(word, 1, __ATOMIC_SEQ_CST);
    /* Also before it: the last actions of the other end come before its death. */
    int lost = look && mmap_channel_is_lost(channel);
    error = mmap_channel_attempt(channel, length);
    if (error != EAGAIN) return error;
    if (lost) return ECONNRESET;
    double left = timeout_ms < 0 ? 30 : deadline - mmap_now_ms();
    if (left <= 0) return ETIMEDOUT;
    const struct timespec slice = {0, (left < 30 ? left : 30) * 1e6};
    /* Before the kernel looks at the bell: pairs with the load in mmap_channel_wake. */
    __atomic_add_fetch(&channel->words[MMAP_CHANNEL_BELL_SLEEPERS], 1, __ATOMIC_SEQ_CST);
    look = mmap_futex_wait((int32_t *)word, 1, &slice) == ETIMEDOUT;
    __atomic_sub_fetch(&channel->words[MMAP_CHANNEL_BELL_SLEEPERS], 1, __ATOMIC_SEQ_CST);
  }
}

/* Ends the turn. */
static inline void mmap_channel_settle(mmap_channel *channel) {
  channel->held = 0;
  if (channel->turn != NULL) mmap_mutex_unlock(channel->turn);
}

/* ---- Sending ---- */

/*
 * Reserves room for a message, in place; call mmap_channel_commit or mmap_channel_give_up next.
 * Waits as long as there is no room; a negative `timeout_ms` waits for ever, and 0 does not wait.
 * EMSGSIZE: it is too long. EPIPE: the channel has ended. ECONNRESET: the consumer is dead. EAGAIN
 * and ETIMEDOUT: there is no room. EBUSY: a message is reserved already. Waiting for another
 * producer's turn has no limit.
 */
static inline int mmap_channel_reserve(mmap_channel *channel, size_t length, void **bytes,
                                       int timeout_ms) {
  if (!mmap_channel_is_producer(channel)) return EINVAL;
  if (length > mmap_channel_longest(channel)) return EMSGSIZE;
  int error = mmap_channel_wait(channel, length, timeout_ms);
  if (error == 0) *bytes = mmap_channel_length_at(channel, channel->record) + 2;
  return error;
}

/* Sends the reserved message, or only its first `length` bytes. EPIPE: the channel has ended. */
static inline int mmap_channel_commit(mmap_channel *channel, size_t length) {
  if (!channel->held || !mmap_channel_is_producer(channel)) return EINVAL;
  if (length > channel->length) return EINVAL;
  uint32_t state = __atomic_load_n(&channel->words[MMAP_CHANNEL_STATE], __ATOMIC_SEQ_CST);
  if (state == 0) {
    *mmap_channel_length_at(channel, channel->record) = (int32_t)length;
    channel->position = channel->record + mmap_channel_units_of(length);
    /* Pairs with the load in mmap_channel_find. Before the look at the bell: see the layout. */
    __atomic_store_n((uint64_t *)(channel->words + MMAP_CHANNEL_TAIL), channel->position,
                     __ATOMIC_SEQ_CST);
    mmap_channel_wake(channel, MMAP_CHANNEL_RECEIVE_BELL);
  }
  mmap_channel_settle(channel);
  return state == 0 ? 0 : EPIPE;
}

/* Drops the reserved message, or leaves a peeked one for the next consumer. */
static inline void mmap_channel_give_up(mmap_channel *channel) {
  if (channel->held) mmap_channel_settle(channel);
}

/* Sends a message. Returns what mmap_channel_reserve and mmap_channel_commit do. */
static inline int mmap_channel_send(mmap_channel *channel, const void *message, size_t length,
                                    int timeout_ms) {
  void *bytes;
  int error = mmap_channel_reserve(channel, length, &bytes, timeout_ms);
  if (error != 0) return error;
  if (length > 0) memcpy(bytes, message, length);
  return mmap_channel_commit(channel, length);
}

static inline void mmap_channel_set_ended(mmap_channel *channel) {
  __atomic_or_fetch(&channel->words[MMAP_CHANNEL_STATE], MMAP_CHANNEL_ENDED, __ATOMIC_SEQ_CST);
  mmap_channel_wake(channel, MMAP_CHANNEL_RECEIVE_BELL);
  mmap_channel_wake(channel, MMAP_CHANNEL_SEND_BELL);
}

/* Ends the channel for all producers: consumers get the remaining messages, then
 * MMAP_CHANNEL_END. */
static inline int mmap_channel_end(mmap_channel *channel) {
  if (!mmap_channel_is_producer(channel)) return EINVAL;
  if (channel->held) return EBUSY;
  /* In a turn: a message that another producer is about to commit comes before the end. */
  if (channel->turn != NULL) mmap_mutex_lock(channel->turn, &channel->token);
  mmap_channel_set_ended(channel);
  if (channel->turn != NULL) mmap_mutex_unlock(channel->turn);
  return 0;
}

/* ---- Receiving ---- */

/*
 * The next message, in place; call mmap_channel_release or mmap_channel_give_up next. Waits as long
 * as there is none; `timeout_ms` is as in mmap_channel_reserve. MMAP_CHANNEL_END: no more messages
 * will come. ECONNRESET: the producer is dead, and everything that it sent was received. EAGAIN and
 * ETIMEDOUT: there is no message. EPROTO: the ring is damaged. EBUSY: a message is peeked already.
 * If this process dies before it releases the message, another consumer gets it.
 */
static inline int mmap_channel_peek(mmap_channel *channel, const void **bytes, size_t *length,
                                    int timeout_ms) {
  if (mmap_channel_is_producer(channel)) return EINVAL;
  int error = mmap_channel_wait(channel, 0, timeout_ms);
  if (error != 0) return error;
  *length = channel->length;
  *bytes = mmap_channel_length_at(channel, channel->record) + 2;
  return 0;
}

/* Gives the room of the peeked message back to the producers. */
static inline void mmap_channel_release(mmap_channel *channel) {
  if (!channel->held || mmap_channel_is_producer(channel)) return;
  channel->position = channel->record + mmap_channel_units_of(channel->length);
  /* Pairs with the load in mmap_channel_claim: messages that were read may be overwritten. */
  __atomic_store_n((uint64_t *)(channel->words + MMAP_CHANNEL_HEAD), channel->position,
                   __ATOMIC_SEQ_CST);
  /* Not for each message, which would take two system calls each. */
  if (channel->other - channel->position <= channel->units / 2) {
    mmap_channel_wake(channel, MMAP_CHANNEL_SEND_BELL);
  }
  /* A wake-up that came for two messages may have reached this consumer alone. */
  int several = channel->turn != NULL;
  uint64_t position = channel->position;
  mmap_channel_settle(channel);
  if (several && mmap_channel_load(channel, MMAP_CHANNEL_TAIL) != position) {
    mmap_channel_wake(channel, MMAP_CHANNEL_RECEIVE_BELL);
  }
}

/*
 * Takes a message. Returns what mmap_channel_peek does, and EMSGSIZE if it is longer than `size`:
 * then it stays in the channel, and `length` is its length.
 */
static inline int mmap_channel_receive(mmap_channel *channel, void *message, size_t size,
                                       size_t *length, int timeout_ms) {
  const void *bytes;
  int error = mmap_channel_peek(channel, &bytes, length, timeout_ms);
  if (error != 0) return error;
  if (*length > size) {
    mmap_channel_give_up(channel);
    return EMSGSIZE;
  }
  if (*length > 0) memcpy(message, bytes, *length);
  mmap_channel_release(channel);
  return 0;
}

/* ---- Leaving ---- */

/*
 * Leaves. The last producer ends the channel; after the last consumer, sending fails with EPIPE. A
 * message that is reserved or peeked is given up.
 */
static inline void mmap_channel_close(mmap_channel *channel) {
  mmap_channel_give_up(channel);
  mmap_channel_lock_list(channel);
  __atomic_store_n(&channel->words[channel->place], 0, __ATOMIC_SEQ_CST);
  if (mmap_channel_count(channel, channel->role, 0) == 0) {
    if (mmap_channel_is_producer(channel)) {
      mmap_channel_set_ended(channel);
    } else {
      __atomic_or_fetch(&channel->words[MMAP_CHANNEL_STATE], MMAP_CHANNEL_DESERTED,
                        __ATOMIC_SEQ_CST);
      mmap_channel_wake(channel, MMAP_CHANNEL_SEND_BELL);
    }
  }
  mmap_channel_unlock_list(channel);
  for (int i = 0; i < MMAP_CHANNEL_MOST_DOORBELLS; i++) mmap_channel_drop_rope(channel, i);
  mmap_unmap(channel->words, channel->mapped_length);
  mmap_token_release(&channel->token);
}

#endif
