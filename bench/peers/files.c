/*
 * The work of peers_bench.ts in C. Each line of standard input is a work, a path, and how often;
 * the answer is the nanoseconds that all of it took, and a number that tells whether it was done.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RECORD 4096
#define STEP 65536
#define NEEDLE "connection refused"

struct file {
  int fd;
  size_t length;
  char *bytes;
};

static long long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static struct file open_file(const char *path, int write) {
  struct file file = {.fd = open(path, write ? O_RDWR : O_RDONLY)};
  struct stat info;
  if (file.fd < 0 || fstat(file.fd, &info) != 0) exit(1);
  file.length = info.st_size;
  file.bytes = mmap(NULL, file.length, PROT_READ | (write ? PROT_WRITE : 0), MAP_SHARED, file.fd, 0);
  if (file.bytes == MAP_FAILED) exit(1);
  return file;
}

static void close_file(struct file file) {
  munmap(file.bytes, file.length);
  close(file.fd);
}

/* Places of units of so many bytes, the same in all languages. */
static size_t *places(long times, size_t length, size_t unit) {
  size_t *all = malloc(times * sizeof *all);
  uint32_t state = 1;
  for (long i = 0; i < times; i++) {
    state = state * 1664525u + 1013904223u;
    all[i] = (uint64_t)state * (length / unit) >> 32;
  }
  return all;
}

static double open_close(const char *path, long times) {
  double check = 0;
  for (long i = 0; i < times; i++) {
    struct file file = open_file(path, 0);
    check += (unsigned char)file.bytes[0];
    close_file(file);
  }
  return check;
}

static double sum(const char *path, long times) {
  double total = 0;
  for (long i = 0; i < times; i++) {
    struct file file = open_file(path, 0);
    const double *numbers = (const double *)file.bytes;
    total = 0;
    for (size_t j = 0; j < file.length / 8; j++) total += numbers[j];
    close_file(file);
  }
  return total;
}

static double read_records(struct file file, const size_t *at, long times) {
  char record[RECORD];
  double total = 0, number;
  for (long i = 0; i < times; i++) {
    memcpy(record, file.bytes + at[i] * RECORD, RECORD);
    __asm__ volatile("" ::"r"(record) : "memory"); /* so that no copy is left out */
    memcpy(&number, record, sizeof number);
    total += number;
  }
  return total;
}

static double read_numbers(struct file file, const size_t *at, long times) {
  const double *numbers = (const double *)file.bytes;
  double total = 0;
  for (long i = 0; i < times; i++) total += numbers[at[i]];
  return total;
}

static double search(struct file file, long times) {
  double found = 0;
  for (long i = 0; i < times; i++) {
    found += memmem(file.bytes, file.length, NEEDLE, strlen(NEEDLE)) == NULL ? -1 : 0;
  }
  return found;
}

static double write_flush(struct file file, const size_t *at, long times) {
  for (long i = 0; i < times; i++) {
    memset(file.bytes + at[i] * RECORD, (int)i, RECORD);
    if (msync(file.bytes + at[i] * RECORD, RECORD, MS_SYNC) != 0) exit(1);
  }
  return times;
}

static double grow(const char *path, long times) {
  struct file file = open_file(path, 1);
  for (long i = 0; i < times; i++) {
    size_t length = file.length + STEP;
    if (ftruncate(file.fd, length) != 0) exit(1);
    file.bytes = mremap(file.bytes, file.length, length, MREMAP_MAYMOVE);
    if (file.bytes == MAP_FAILED) exit(1);
    file.length = length;
    file.bytes[length - 1] = 1;
  }
  double length = file.length;
  close_file(file);
  return length;
}

int main(void) {
  char line[4096], work[32], path[4000];
  long times;
  while (fgets(line, sizeof line, stdin) != NULL) {
    if (sscanf(line, "%31s %3999s %ld", work, path, &times) != 3) return 2;
    int write = strcmp(work, "write-flush") == 0;
    int stays = write || strncmp(work, "read-", 5) == 0 || strcmp(work, "search") == 0;
    static struct file file;
    static char opened[4000];
    if (stays && strcmp(opened, path) != 0) {
      if (file.bytes != NULL) close_file(file);
      file = open_file(path, write);
      strcpy(opened, path);
    }
    size_t *at = stays ? places(times, file.length, strcmp(work, "read-8") == 0 ? 8 : RECORD) : NULL;
    double check = 0;
    long long start = now();
    if (strcmp(work, "open-close") == 0) check = open_close(path, times);
    else if (strcmp(work, "sum") == 0) check = sum(path, times);
    else if (strcmp(work, "read-4k") == 0) check = read_records(file, at, times);
    else if (strcmp(work, "read-8") == 0) check = read_numbers(file, at, times);
    else if (strcmp(work, "search") == 0) check = search(file, times);
    else if (write) check = write_flush(file, at, times);
    else if (strcmp(work, "grow") == 0) check = grow(path, times);
    else return 2;
    printf("%lld %.17g\n", now() - start, check);
    fflush(stdout);
    free(at);
  }
  return 0;
}
