/* Writes what ../struct_reader.ts reads:  cc person_writer.c -o person_writer && ./person_writer people.bin */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "person.h"

static const struct person people[] = {{"Cleo", 58}, {"Dan", -1}};

int main(int argc, char **argv) {
  int fd = open(argc > 1 ? argv[1] : "people.bin", O_RDWR | O_CREAT | O_TRUNC, 0644);
  if (fd == -1 || ftruncate(fd, sizeof people) == -1) return perror("open"), 1;

  void *memory = mmap(NULL, sizeof people, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) return perror("mmap"), 1;
  close(fd);

  memcpy(memory, people, sizeof people);
  printf("wrote %zu records\n", sizeof people / sizeof *people);
  return munmap(memory, sizeof people);
}
