/*
 * Two processes take turns over a word in shared memory, so often: prints the nanoseconds that a
 * round trip takes. "block": who waits sleeps in the kernel; "spin": it looks again and again. A third
 * argument is how many bytes, up to 64, each of them writes and the other one reads. With a fourth one,
 * "on two processors", the second process runs on the second processor.
 */

#define _GNU_SOURCE
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static atomic_int *word;
static char *message;
static size_t length;

/* Takes what is there and puts it back, as the other one's turn. */
static void pass_on(int turn) {
  char taken[64];
  memcpy(taken, message, length);
  __asm__ volatile("" ::"r"(taken) : "memory"); /* so that no copy is left out */
  memcpy(message, taken, length);
  atomic_store(word, turn + 1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e9 + time.tv_nsec;
}

static void block(int parity, long times) {
  for (long i = 0; i < times; i++) {
    int turn;
    while (((turn = atomic_load(word)) & 1) != parity) {
      syscall(SYS_futex, word, FUTEX_WAIT, turn, NULL, NULL, 0);
    }
    pass_on(turn);
    syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
  }
}

static void run_on(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) _exit(1);
}

static void spin(int parity, long times) {
  for (long i = 0; i < times; i++) {
    int turn;
    while (((turn = atomic_load(word)) & 1) != parity) {
    }
    pass_on(turn);
  }
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  length = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
  if (length > 64) return 2;
  void (*take_turns)(int, long) = strcmp(argv[1], "spin") == 0 ? spin : block;
  long times = strtol(argv[2], NULL, 10);
  word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (word == MAP_FAILED) return 1;
  message = (char *)word + 64;
  pid_t child = fork();
  if (child < 0) return 1;
  if (child == 0) {
    if (argc > 4 && strcmp(argv[4], "on two processors") == 0) run_on(1);
    take_turns(1, times + 1);
    return 0;
  }
  take_turns(0, 1); /* both are there after the first one */
  double start = now();
  take_turns(0, times);
  printf("%.1f\n", (now() - start) / times);
  return waitpid(child, NULL, 0) == child ? 0 : 1;
}
