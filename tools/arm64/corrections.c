/*
 * Preloaded into the emulated Deno, for what the emulator tells of a process that is not true.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* /proc/self/exe leads to a program of another architecture, which the kernel cannot start. This gives
 * the script that starts the emulator with it instead, so that what Deno.execPath() names can be run by
 * whoever gets it, shells included. */
ssize_t readlink(const char *path, char *target, size_t size) {
  const char *program = getenv("MMAP_ARM64_PROGRAM");
  if (program == NULL || strcmp(path, "/proc/self/exe") != 0)
    return syscall(SYS_readlinkat, AT_FDCWD, path, target, size);
  size_t length = strnlen(program, size);
  memcpy(target, program, length);
  return length;
}

/* Of its own process, the emulator makes /proc/PID/stat up, with a start time that is not the one that
 * other processes see. It does not know the path with a second "/". */
static int open_truly(const char *path, int flags, mode_t mode) {
  char twin[64];
  size_t length = strlen(path);
  if (length < sizeof(twin) && strncmp(path, "/proc/", 6) == 0 &&
      strcmp(path + length - 5, "/stat") == 0) {
    snprintf(twin, sizeof(twin), "/proc//%s", path + 6);
    path = twin;
  }
  return syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

/* Lets a function of libc go on in another one. FFI finds it in libc itself, where no preloaded symbol
 * stands before it. */
static void redirect(void *from, void *to) {
  const uint64_t jump = 0xd61f020058000050; /* ldr x16, #8; br x16; and the address follows */
  char *page = (char *)((uintptr_t)from & ~0xffffUL);
  if (mprotect(page, 0x20000, PROT_READ | PROT_WRITE | PROT_EXEC) != 0) abort();
  memcpy(from, &jump, 8);
  memcpy((char *)from + 8, &to, 8);
  __builtin___clear_cache(from, (char *)from + 16);
}

__attribute__((constructor)) static void correct(void) {
  unsetenv("LD_PRELOAD"); /* programs of this machine inherit it, and could not load this file */
  redirect(dlsym(RTLD_NEXT, "open"), open_truly);
}
