/*
 * Preloaded into the emulated Deno. /proc/self/exe leads to a program of another architecture, which
 * the kernel cannot start; this gives the script that starts the emulator with it instead, so that
 * what Deno.execPath() names can be run by whoever gets it, shells included.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Programs of this machine inherit the environment, and could not load this file. */
__attribute__((constructor)) static void forget(void) { unsetenv("LD_PRELOAD"); }

ssize_t readlink(const char *path, char *target, size_t size) {
  const char *program = getenv("MMAP_ARM64_PROGRAM");
  if (program == NULL || strcmp(path, "/proc/self/exe") != 0)
    return syscall(SYS_readlinkat, AT_FDCWD, path, target, size);
  size_t length = strnlen(program, size);
  memcpy(target, program, length);
  return length;
}
