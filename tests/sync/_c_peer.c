/*
 * A C program at the Mutex at offset 0, the Futex at 64 and a counter at 128 of a file, or of what a
 * handle leads to. Does what the lines on its standard input say, and answers each with a line.
 */

#define _GNU_SOURCE
#include "mmap_sync.h"

/* Answers `count` times: whenever the word is 1 it becomes 0. Each other wait may time out. */
static void take_turns(int32_t *word, int count) {
  const struct timespec moment = {0, 1000000};
  for (int i = 0; i < count; i++) {
    while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == 0) {
      mmap_futex_wait(word, 0, i % 2 == 0 ? NULL : &moment);
    }
    __atomic_store_n(word, 0, __ATOMIC_SEQ_CST);
    mmap_futex_wake(word, 1);
  }
}

int main(int argc, char **argv) {
  if (argc != 2) return 1;
  int is_handle = strncmp(argv[1], "mmap:", 5) == 0;
  mmap_object object = is_handle ? mmap_open_handle(argv[1]) : mmap_open(argv[1]);
  char *memory = object == MMAP_NO_OBJECT ? NULL : mmap_map(object, 0, 4096);
  if (memory == NULL) return 1;
  mmap_mutex *mutex = (mmap_mutex *)memory;
  mmap_token token;
  if (mmap_token_take(&token, object) != 0) return 1;
  mmap_futex *futex = (mmap_futex *)(memory + 64);
  volatile int32_t *counter = (volatile int32_t *)(memory + 128);
  char line[64];
  while (fgets(line, sizeof line, stdin) != NULL) {
    char command[32];
    int number = 0, result = 0;
    if (sscanf(line, "%31s %d", command, &number) < 1) return 2;
    if (strcmp(command, "lock") == 0) {
      result = mmap_mutex_lock(mutex, &token);
    } else if (strcmp(command, "trylock") == 0) {
      result = mmap_mutex_trylock(mutex, &token);
    } else if (strcmp(command, "unlock") == 0) {
      mmap_mutex_unlock(mutex);
    } else if (strcmp(command, "count") == 0) {
      for (int i = 0; i < number; i++) {
        if (mmap_mutex_lock(mutex, &token) != 0) return 3;
        *counter = *counter + 1; /* not atomic: only the mutex makes it exact */
        mmap_mutex_unlock(mutex);
      }
    } else if (strcmp(command, "fingerprint") == 0) {
      result = (int)token.fingerprint;
    } else if (strcmp(command, "number") == 0) {
      result = (int)token.number;
    } else if (strcmp(command, "wait") == 0) {
      while (__atomic_load_n(&futex->word, __ATOMIC_SEQ_CST) == number) {
        mmap_futex_wait(&futex->word, number, NULL);
      }
      result = futex->word;
    } else if (strcmp(command, "wait-once") == 0) {
      result = mmap_futex_wait(&futex->word, number, NULL);
    } else if (strcmp(command, "lock-elsewhere") == 0) {
      static mmap_mutex elsewhere = {.state = 1}; /* a dead holder's, and not mapped */
      mmap_mutex held = {.state = token.number};
      result = mmap_mutex_lock(number == 0 ? &elsewhere : &held, &token);
    } else if (strcmp(command, "token") == 0) {
      mmap_token another;
      result = mmap_token_take(&another, object);
      if (result == 0) mmap_token_release(&another);
    } else if (strcmp(command, "turns") == 0) {
      take_turns(&futex->word, number);
    } else if (strcmp(command, "wake") == 0) {
      __atomic_store_n(&futex->word, number, __ATOMIC_SEQ_CST);
      result = mmap_futex_wake(&futex->word, 1);
    } else {
      return 4;
    }
    switch (result) {
      case MMAP_OWNER_DIED: puts("owner died"); break;
      case EBUSY: puts("busy"); break;
      case EINVAL: puts("invalid"); break;
      case EAGAIN: puts("again"); break;
      default: printf("%d\n", result);
    }
    fflush(stdout);
  }
  return 0;
}
