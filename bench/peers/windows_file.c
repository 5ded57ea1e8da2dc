/*
 * What a mapped file costs: prints nanoseconds. `open PATH TIMES`: to open, map, unmap and close it,
 * each time. `sum PATH TIMES`: to add up its numbers.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

static double now(void) {
  LARGE_INTEGER time, frequency;
  QueryPerformanceCounter(&time);
  QueryPerformanceFrequency(&frequency);
  return time.QuadPart * 1e9 / frequency.QuadPart;
}

typedef struct {
  HANDLE file, section;
  const double *numbers;
  LARGE_INTEGER size;
} mapped;

static mapped map(const char *path) {
  mapped m = {0};
  m.file = CreateFileA(path, GENERIC_READ, 7, NULL, OPEN_EXISTING, 0, NULL);
  GetFileSizeEx(m.file, &m.size);
  m.section = CreateFileMappingA(m.file, NULL, PAGE_READONLY, 0, 0, NULL);
  m.numbers = MapViewOfFile(m.section, FILE_MAP_READ, 0, 0, 0);
  if (m.numbers == NULL) exit(1);
  return m;
}

static void unmap(mapped m) {
  UnmapViewOfFile(m.numbers);
  CloseHandle(m.section);
  CloseHandle(m.file);
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  long times = strtol(argv[3], NULL, 10);
  double taken;
  if (strcmp(argv[1], "open") == 0) {
    double start = now();
    for (long i = 0; i < times; i++) unmap(map(argv[2]));
    taken = now() - start;
  } else {
    mapped m = map(argv[2]);
    volatile double total = 0; /* so that the sum is made */
    double start = now();
    for (long i = -1; i < times; i++) {
      if (i == 0) start = now(); /* all pages are there */
      double sum = 0;
      for (long long k = 0; k < m.size.QuadPart / 8; k++) sum += m.numbers[k];
      total = sum;
    }
    taken = now() - start;
    unmap(m);
    if (total < 0) return 1;
  }
  printf("%.1f\n", taken / times);
  return 0;
}
