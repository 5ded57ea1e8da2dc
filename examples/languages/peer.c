/*
 * Shares 4096 bytes with another process, of whatever language:
 *
 *     gcc -o peer examples/languages/peer.c
 *     ./peer create file|named|descriptor [PATH or NAME]
 *     ./peer attach file|named|descriptor WHERE
 *
 * A creator writes "made by C" at byte 0, prints where the memory is, and for each line that it reads
 * prints the text at byte 64. An attacher prints the text at byte 0 and writes "used by C" at byte 64.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BYTES 4096
#define ANSWER 64

static void fail(const char *what) {
  perror(what);
  exit(1);
}

/* Names of POSIX shared memory begin with a "/" in C. */
static const char *shm_name(const char *name) {
  static char path[256];
  snprintf(path, sizeof path, "/%s", name);
  return path;
}

static int create(const char *way, const char *where) {
  int flags = O_RDWR | O_CREAT | O_EXCL;
  int fd = !strcmp(way, "file")    ? open(where, flags, 0600)
           : !strcmp(way, "named") ? shm_open(shm_name(where), flags, 0600)
                                   : memfd_create("peer", MFD_CLOEXEC);
  if (fd == -1 || ftruncate(fd, BYTES) == -1) fail("create");
  return fd;
}

/* A handle of Deno is text with "&pid=...&fd=..." in it; others give the path itself. */
static int open_descriptor(const char *where) {
  char path[64];
  int pid, fd;
  const char *field = strstr(where, "&pid=");
  if (field == NULL) return open(where, O_RDWR);
  if (sscanf(field, "&pid=%d&fd=%d", &pid, &fd) != 2) exit(2);
  snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, fd);
  return open(path, O_RDWR);
}

static int attach(const char *way, const char *where) {
  int fd = !strcmp(way, "file")    ? open(where, O_RDWR)
           : !strcmp(way, "named") ? shm_open(shm_name(where), O_RDWR, 0)
                                   : open_descriptor(where);
  if (fd == -1) fail(where);
  return fd;
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  const char *way = argv[2], *where = argc > 3 ? argv[3] : "";
  int creates = !strcmp(argv[1], "create");
  int fd = creates ? create(way, where) : attach(way, where);
  char *memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) fail("mmap");
  if (!creates) {
    puts(memory);
    strcpy(memory + ANSWER, "used by C");
    return 0;
  }
  strcpy(memory, "made by C");
  if (!strcmp(way, "descriptor")) printf("/proc/%d/fd/%d\n", getpid(), fd);
  else puts(where);
  fflush(stdout);
  for (char line[16]; fgets(line, sizeof line, stdin) != NULL; fflush(stdout)) puts(memory + ANSWER);
  if (!strcmp(way, "named")) shm_unlink(shm_name(where));
  return 0;
}
