/*
 * What a Channel is measured against: a ring of the same records, for one producer and one consumer,
 * without joining, ends, or sleeping.
 *
 *   channel_ring throughput BYTES TIMES CAPACITY: messages from one process to another; prints the
 *     nanoseconds per message
 *   channel_ring latency BYTES TIMES CAPACITY INTERVAL: one message each INTERVAL nanoseconds; prints
 *     p50, p99 and p99.9 of the nanoseconds that they took
 *   channel_ring memcpy BYTES TIMES CAPACITY: copies into the ring by one process, one after the
 *     other; prints the nanoseconds per copy
 */

#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PADDING -1

/* The places of src/channel/queue/queue_layout.ts, each in a cache line of its own. Positions count 8 bytes. */
struct ring {
  _Alignas(64) uint32_t tail;
  _Alignas(64) uint32_t head;
  _Alignas(4096) char bytes[];
};

static struct ring *ring;
static uint32_t units;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e9 + time.tv_nsec;
}

static inline void pause_briefly(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

static inline uint32_t units_of(uint32_t length) {
  return 1 + (length + 7) / 8;
}

/* One side's own position, and the other one's as last looked at. */
static uint32_t own, other;

static void send_message(const char *message, uint32_t length) {
  uint32_t index = own & (units - 1), to_end = units - index;
  uint32_t skipped = units_of(length) > to_end ? to_end : 0;
  uint32_t needed = skipped + units_of(length);
  while (units - (own - other) < needed) {
    other = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE);
    if (units - (own - other) < needed) pause_briefly();
  }
  if (skipped != 0) {
    *(int32_t *)(ring->bytes + 8ul * index) = PADDING;
    index = 0;
  }
  char *record = ring->bytes + 8ul * index;
  *(int32_t *)record = (int32_t)length;
  memcpy(record + 8, message, length);
  own += needed;
  __atomic_store_n(&ring->tail, own, __ATOMIC_RELEASE);
}

static uint32_t receive_message(char *message) {
  while (own == other) {
    other = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
    if (own == other) pause_briefly();
  }
  uint32_t index = own & (units - 1);
  if (*(int32_t *)(ring->bytes + 8ul * index) == PADDING) {
    own += units - index;
    index = 0;
  }
  const char *record = ring->bytes + 8ul * index;
  uint32_t length = *(const uint32_t *)record;
  memcpy(message, record + 8, length);
  own += units_of(length);
  __atomic_store_n(&ring->head, own, __ATOMIC_RELEASE);
  return length;
}

static void check(const char *message, uint32_t length, uint32_t expected, long i) {
  if (length == expected && (unsigned char)message[0] == (i & 255)) return;
  fputs("a message is wrong\n", stderr);
  exit(1);
}

static void receive_all(uint32_t length, long times) {
  char *message = malloc(length);
  for (long i = 0; i < times; i++) check(message, receive_message(message), length, i);
}

static void send_all(uint32_t length, long times) {
  char *message = calloc(1, length);
  for (long i = 0; i < times; i++) {
    message[0] = (char)i;
    send_message(message, length);
  }
  while (__atomic_load_n(&ring->head, __ATOMIC_ACQUIRE) != own) pause_briefly();
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void receive_stamps(long times) {
  char message[65536];
  double *taken = malloc(times * sizeof *taken), sent;
  for (long i = 0; i < times; i++) {
    receive_message(message);
    memcpy(&sent, message, sizeof sent);
    taken[i] = now() - sent;
  }
  qsort(taken, times, sizeof *taken, by_value);
  printf("%.0f %.0f %.0f\n", taken[times / 2], taken[times * 99 / 100], taken[times * 999 / 1000]);
}

static void send_stamps(uint32_t length, long times, double interval) {
  char *message = calloc(1, length);
  double next = now();
  for (long i = 0; i < times; i++, next += interval) {
    double sent = now();
    for (; sent < next; sent = now()) pause_briefly();
    memcpy(message, &sent, sizeof sent);
    send_message(message, length);
  }
}

static double copy_all(uint32_t length, long times, uint32_t capacity) {
  char *message = calloc(1, length);
  uint32_t at = 0;
  double start = now();
  for (long i = 0; i < times; i++) {
    if (at + length > capacity) at = 0;
    memcpy(ring->bytes + at, message, length);
    __asm__ volatile("" ::: "memory"); /* so that no copy is left out */
    at += length;
  }
  return now() - start;
}

int main(int argc, char **argv) {
  if (argc < 5) return 2;
  uint32_t length = strtoul(argv[2], NULL, 10), capacity = strtoul(argv[4], NULL, 10);
  long times = strtol(argv[3], NULL, 10);
  units = capacity / 8;
  ring = mmap(NULL, sizeof *ring + capacity, PROT_READ | PROT_WRITE,
              MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (ring == MAP_FAILED) return 1;
  if (strcmp(argv[1], "memcpy") == 0) {
    copy_all(length, capacity / length, capacity); /* its memory is there after this */
    printf("%.2f\n", copy_all(length, times, capacity) / times);
    return 0;
  }
  int stamped = strcmp(argv[1], "latency") == 0;
  pid_t child = fork();
  if (child < 0) return 1;
  if (child == 0) {
    receive_all(length, 1); /* both are there after the first one */
    if (stamped) receive_stamps(times);
    else receive_all(length, times);
    return 0;
  }
  send_all(length, 1);
  double start = now();
  if (stamped) send_stamps(length, times, strtod(argv[5], NULL));
  else send_all(length, times);
  if (!stamped) printf("%.2f\n", (now() - start) / times);
  int status;
  return waitpid(child, &status, 0) == child && status == 0 ? 0 : 1;
}
