/* Makes memory, starts its arguments with it as descriptor 3, and prints the second byte. */

#define _GNU_SOURCE
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
  int fd = memfd_create("parent", 0), status = 1;
  if (dup2(fd, 3) != 3 || ftruncate(fd, 4096) != 0) return 1;
  char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  memory[0] = 1;
  if (fork() == 0) return execv(argv[1], argv + 1);
  wait(&status);
  printf("%d %d", status, memory[1]);
  return 0;
}
