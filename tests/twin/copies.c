/*
 * Copies that answer with an error where memory is missing: osfmk/vm/vm_user.c mach_vm_read_overwrite and
 * mach_vm_write. They answer a kern_return_t.
 */
#include "twin.h"
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

enum { SELF = 0x203, SUCCESS = 0, INVALID_ADDRESS = 1, PROTECTION_FAILURE = 2, INVALID_ARGUMENT = 4 };

/* osfmk/kern/kalloc.h: up to this size the bytes go through the kernel's own memory. */
#define KHEAP_MAX_SIZE 16384

uint32_t DARWIN(mach_task_self)(void) { return SELF; }

/* The emulator of another architecture has no such call, and a pipe is as careful. */
static int copy_by_pipe(void *target, const void *source, size_t length) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return -1;
  int copied = write(ends[1], source, length) == (ssize_t)length &&
               read(ends[0], target, length) == (ssize_t)length;
  close(ends[0]);
  close(ends[1]);
  return copied ? 0 : -1;
}

int copy_safely(void *target, const void *source, size_t length) {
  struct iovec to = {target, length}, from = {(void *)source, length};
  ssize_t copied = process_vm_readv(getpid(), &to, 1, &from, 1, 0);
  if (copied < 0 && errno == ENOSYS) return copy_by_pipe(target, source, length);
  return copied == (ssize_t)length ? 0 : -1;
}

static int copy(uint64_t target, uint64_t source, uint64_t length) {
  struct place place;
  if (length > KHEAP_MAX_SIZE) {
    /* The pages change hands as they are, and a missing one is a signal when somebody touches it. */
    memcpy((void *)target, (void *)source, length);
    return SUCCESS;
  }
  char bytes[KHEAP_MAX_SIZE];
  if (copy_safely(bytes, (void *)source, length) != 0) return INVALID_ADDRESS;
  if (copy_safely((void *)target, bytes, length) == 0) return SUCCESS;
  return place_at(target, &place) == 0 && (place.protection & 2) == 0 ? PROTECTION_FAILURE
                                                                      : INVALID_ADDRESS;
}

int DARWIN(mach_vm_read_overwrite)(uint32_t task, uint64_t address, uint64_t size, uint64_t data,
                                   uint64_t *out_size) {
  if (task != SELF) return INVALID_ARGUMENT;
  int result = size == 0 ? SUCCESS : copy(data, address, size);
  if (result == SUCCESS) *out_size = size;
  return result;
}

int DARWIN(mach_vm_write)(uint32_t task, uint64_t address, uint64_t data, uint32_t size) {
  if (task != SELF) return INVALID_ARGUMENT;
  return size == 0 ? SUCCESS : copy(address, data, size);
}

/*
 * Puts the memory at one address at another one too. Linux has no such call for private memory, so it is
 * moved, and new zeros are at the old address: that is enough for whoever unmaps those at once.
 */
int DARWIN(mach_vm_remap)(uint32_t task, uint64_t *address, uint64_t size, uint64_t mask, int flags,
                          uint32_t source_task, uint64_t source, int copy, int *protection,
                          int *most_protection, uint32_t inheritance) {
  enum { FIXED = 0, ANYWHERE = 1, OVERWRITE = 0x4000, RETURN_DATA_ADDRESS = 0x100000 };
  struct place place;
  if (task != SELF || source_task != SELF || mask != 0) return INVALID_ARGUMENT;
  if (flags != (FIXED | OVERWRITE) || copy != 0 || inheritance != 1) {
    note("mach_vm_remap: only over what is there, for this process", flags);
    return INVALID_ARGUMENT;
  }
  if (place_at(source, &place) != 0 || place.is_shared || place.has_file) return INVALID_ADDRESS;
  if (mremap((void *)source, size, size, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
             (void *)*address) == MAP_FAILED) return INVALID_ADDRESS;
  *protection = place.protection;
  *most_protection = 7;
  return SUCCESS;
}
