/*
 * Two processes wake each other by two events: prints the nanoseconds of a round trip. Started with
 * how often; it starts itself as the second process.
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

static HANDLE event(const char *what, DWORD owner) {
  char name[64];
  snprintf(name, sizeof name, "Local\\mmap.bench.%s.%lu", what, owner);
  return CreateEventA(NULL, FALSE, FALSE, name);
}

/* A turn of each side. */
static void turns(HANDLE wakes, HANDLE sleeps, long times) {
  for (long i = 0; i < times; i++) {
    SetEvent(wakes);
    WaitForSingleObject(sleeps, INFINITE);
  }
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  long times = strtol(argv[1], NULL, 10);
  DWORD owner = argc > 2 ? strtoul(argv[2], NULL, 10) : GetCurrentProcessId();
  HANDLE to = event("to", owner), back = event("back", owner);
  if (argc > 2) {
    WaitForSingleObject(to, INFINITE);
    turns(back, to, times);
    SetEvent(back);
    return 0;
  }
  char program[MAX_PATH], command[MAX_PATH + 64];
  GetModuleFileNameA(NULL, program, sizeof program);
  snprintf(command, sizeof command, "\"%s\" %ld %lu", program, times, owner);
  STARTUPINFOA startup = {.cb = sizeof startup};
  PROCESS_INFORMATION process;
  if (!CreateProcessA(NULL, command, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &process)) return 1;
  turns(to, back, 1); /* until it is there */
  double start = now();
  turns(to, back, times);
  printf("%.1f\n", (now() - start) / times);
  WaitForSingleObject(process.hProcess, INFINITE);
  return 0;
}
