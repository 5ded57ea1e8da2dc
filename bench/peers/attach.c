/*
 * What C does to map another process's memory, so many batches of 100 times: prints the nanoseconds
 * that one takes, as the median of the batches.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define BATCH 100
#define MAX_BATCHES 1000

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e9 + time.tv_nsec;
}

static void attach(const char *path, size_t length) {
  int fd = open(path, O_RDWR | O_CLOEXEC);
  void *address = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (address == MAP_FAILED || munmap(address, length) != 0 || close(fd) != 0) exit(1);
}

static int compare(const void *a, const void *b) {
  double first = *(const double *)a, second = *(const double *)b;
  return (first > second) - (first < second);
}

int main(int argc, char **argv) {
  static double times[MAX_BATCHES];
  if (argc != 4) return 2;
  size_t length = strtoull(argv[2], NULL, 10);
  int batches = atoi(argv[3]);
  if (batches < 1 || batches > MAX_BATCHES) return 2;
  for (int i = 0; i < batches; i++) {
    double start = now();
    for (int j = 0; j < BATCH; j++) attach(argv[1], length);
    times[i] = (now() - start) / BATCH;
  }
  qsort(times, batches, sizeof *times, compare);
  printf("%.1f\n", times[batches / 2]);
  return 0;
}
