/* mmap and munmap of a private anonymous range, so often: prints the nanoseconds that a pair takes. */

#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e9 + time.tv_nsec;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  size_t length = strtoull(argv[1], NULL, 10);
  long times = strtol(argv[2], NULL, 10);
  double start = now();
  for (long i = 0; i < times; i++) {
    void *address = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (address == MAP_FAILED || munmap(address, length) != 0) return 1;
  }
  printf("%.1f\n", (now() - start) / times);
  return 0;
}
