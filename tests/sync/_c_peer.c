/*
 * A C program at the Mutex at offset 0, the Futex at 64 and a counter at 128 of a file. Does what the
 * lines on its standard input say, and answers each with a line.
 */

#define _GNU_SOURCE
#include "mmap_sync.h"

int main(int argc, char **argv) {
  mmap_object object = argc == 2 ? mmap_open(argv[1]) : MMAP_NO_OBJECT;
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
    } else if (strcmp(command, "wake") == 0) {
      __atomic_store_n(&futex->word, number, __ATOMIC_SEQ_CST);
      result = mmap_futex_wake(&futex->word, 1);
    } else {
      return 4;
    }
    switch (result) {
      case MMAP_OWNER_DIED: puts("owner died"); break;
      case EBUSY: puts("busy"); break;
      default: printf("%d\n", result);
    }
    fflush(stdout);
  }
  return 0;
}
