/* Reads what ../struct_writer.ts wrote:  cc person_reader.c -o person_reader && ./person_reader people.bin */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "person.h"

int main(int argc, char **argv) {
  struct stat status;
  int fd = open(argc > 1 ? argv[1] : "people.bin", O_RDONLY);
  if (fd == -1 || fstat(fd, &status) == -1) return perror("open"), 1;

  struct person *people = mmap(NULL, status.st_size, PROT_READ, MAP_SHARED, fd, 0);
  if (people == MAP_FAILED) return perror("mmap"), 1;
  close(fd);

  for (size_t i = 0; i < status.st_size / sizeof *people; i++)
    printf("%.4s %d\n", people[i].name, people[i].age);
  return munmap(people, status.st_size);
}
