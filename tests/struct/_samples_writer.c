/* Writes two samples to the file that it is given. */

#include <stdio.h>

#include "sample.h"

int main(int argc, char **argv) {
  FILE *file = fopen(argv[1], "wb");
  struct Sample s[] = {
    {"Ann", 0.1, {-1, 0, 32767}, {255, INT64_MIN}, true, 0.25f, UINT32_MAX},
    {{'E', 'm', 'm', 'a', 's'}, -1e300, {1, 2, 3}, {1, 12345678901234567}, false, -8, 7},
  };
  fwrite(s, sizeof s, 1, file);
  return fclose(file) || argc != 2;
}
