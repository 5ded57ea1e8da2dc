/* Prints the samples of the file that it is given. */

#include <stdio.h>

#include "sample.h"

int main(int argc, char **argv) {
  FILE *file = fopen(argv[1], "rb");
  struct Sample s;
  while (fread(&s, sizeof s, 1, file) == 1)
    printf("%.5s %g %d %d %d %d %lld %d %g %u\n", s.name, s.weight, s.levels[0], s.levels[1],
           s.levels[2], s.header.version, (long long) s.header.total, s.ok, s.ratio, s.serial);
  return argc != 2;
}
