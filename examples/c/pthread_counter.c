/*
 * The C side of ../pthread_mutex.ts:
 *
 *     cc -pthread pthread_counter.c -o pthread_counter
 *     ./pthread_counter FILE count    makes the file, then adds 1 a hundred thousand times
 *     ./pthread_counter FILE hold     takes the mutex of the file, and keeps it
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct shared {
  pthread_mutex_t mutex; /* 40 bytes on x86-64, 48 on arm64 */
  _Alignas(64) long count;
};

static int make_mutex(pthread_mutex_t *mutex) {
  pthread_mutexattr_t attributes;
  return pthread_mutexattr_init(&attributes) ||
         pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) ||
         pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) ||
         pthread_mutex_init(mutex, &attributes);
}

static void say(const char *text) {
  puts(text);
  fflush(stdout);
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  int fd = open(argv[1], O_RDWR | O_CREAT, 0600);
  if (fd == -1 || ftruncate(fd, sizeof(struct shared)) == -1) return 1;
  struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (shared == MAP_FAILED) return 1;

  if (strcmp(argv[2], "hold") == 0) {
    if (pthread_mutex_lock(&shared->mutex) != 0) return 1;
    shared->count++;
    say("holding");
    for (;;) pause();
  }
  if (make_mutex(&shared->mutex) != 0) return 1;
  say("ready");
  for (int i = 0; i < 100000; i++) {
    if (pthread_mutex_lock(&shared->mutex) != 0) return 1;
    shared->count++; /* no atomic addition: the mutex is needed */
    pthread_mutex_unlock(&shared->mutex);
  }
}
