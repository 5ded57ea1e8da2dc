/* Ranges of memory: bsd/kern/kern_mman.c, libsyscall/wrappers/unix03/mmap.c, posix_shm.c pshm_mmap. */
#include "twin.h"
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
  SHARED = 1, PRIVATE = 2, FIXED = 0x10, NORESERVE = 0x40, JIT = 0x800, ANON = 0x1000,
  RESILIENT_CODESIGN = 0x2000, RESILIENT_MEDIA = 0x4000,
  KNOWN_FLAGS = SHARED | PRIVATE | FIXED | 0x20 | NORESERVE | 0x80 | 0x100 | 0x200 | 0x400 | JIT |
                ANON | RESILIENT_CODESIGN | RESILIENT_MEDIA | 0x8000 | 0x20000 | 0x40000 | 0x80000,
  READ = 1, WRITE = 2, EXEC = 4,
};

/* vm_map_enter, vm_map_protect: Apple silicon has no memory that is writable and executable. */
static int is_forbidden(int protection) {
#ifdef TWIN_ARM64
  return (protection & (WRITE | EXEC)) == (WRITE | EXEC);
#else
  (void)protection;
  return 0;
#endif
}

static int check_flags(int flags) {
  if ((flags & ~KNOWN_FLAGS) != 0) {
    note("mmap: unknown flags", flags & ~KNOWN_FLAGS);
    return EINVAL;
  }
  if ((flags & (SHARED | PRIVATE)) == 0) return EINVAL;
  if ((flags & JIT) != 0 && ((flags & (FIXED | SHARED)) != 0 || (flags & ANON) == 0)) return EINVAL;
  if ((flags & (RESILIENT_CODESIGN | RESILIENT_MEDIA)) != 0 && (flags & ANON) != 0) return EINVAL;
  return 0;
}

static int check_shm(int fd, const struct stat *status, int protection, int flags, uint64_t end) {
  if ((flags & SHARED) == 0) return EINVAL;
  if (!shm_is_writable(fd) && (protection & WRITE) != 0) return EPERM;
  if (!shm_is_allocated(status) || end > (uint64_t)status->st_size) return EINVAL;
  /* Its memory entries have VM_PROT_DEFAULT, so KERN_INVALID_RIGHT; W+X is looked at there, too. */
  return (protection & EXEC) != 0 ? EINVAL : 0;
}

static int check_object(int fd, int protection, int flags, uint64_t end) {
  struct stat status;
  if (fstat(fd, &status) != 0) return to_darwin(errno);
  if (is_shm(fd)) return check_shm(fd, &status, protection, flags, end);
  if (S_ISCHR(status.st_mode)) return ENODEV; /* /dev/zero too */
  return S_ISREG(status.st_mode) ? 0 : EINVAL;
}

/* An address with Darwin's alignment, reserved: the hint if it is free. The kernel's own alignment is less. */
static void *reserve(void *hint, uint64_t length) {
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
  void *wanted = (void *)page_down((uint64_t)hint);
  if (wanted != NULL && mmap(wanted, length, PROT_NONE, flags, -1, 0) == wanted) return wanted;
  uint64_t room = length + page_size();
  char *base = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) return NULL;
  char *start = (char *)page_up((uint64_t)base);
  if (start > base) munmap(base, start - base);
  if (base + room > start + length) munmap(start + length, base + room - start - length);
  return start;
}

/* void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset) */
void *DARWIN(mmap)(void *address, uint64_t length, int protection, int flags, int fd, int64_t offset) {
  int error = check_flags(flags);
  if (length == 0 || (protection & ~7) != 0 || page_down(offset) != (uint64_t)offset) error = EINVAL;
  if ((flags & FIXED) != 0 && page_down((uint64_t)address) != (uint64_t)address) error = EINVAL;
  if ((protection & (WRITE | EXEC)) != 0) protection |= READ;
  if (error == 0 && is_forbidden(protection) && (flags & JIT) == 0) error = EACCES;
  /* VM_MAKE_TAG has the tag of anonymous memory where its descriptor would be. */
  uint32_t tag = (flags & ANON) != 0 && fd != -1 ? (uint32_t)fd >> 24 : 0;
  if (error == 0 && (flags & ANON) != 0 && fd != -1 && (tag == 0 || (fd & 0xffffff) != 0)) {
    note("mmap: a descriptor for anonymous memory means flags", fd);
    error = EINVAL;
  }
  length = page_up(length);
  if (error == 0 && (flags & ANON) == 0) error = check_object(fd, protection, flags, offset + length);
  if (error != 0) {
    fail(error);
    return MAP_FAILED;
  }
  int linux_flags = ((flags & SHARED) != 0 ? MAP_SHARED : MAP_PRIVATE) |
                    ((flags & FIXED) != 0 ? MAP_FIXED : 0) |
                    ((flags & NORESERVE) != 0 ? MAP_NORESERVE : 0) |
                    ((flags & ANON) != 0 ? MAP_ANONYMOUS : 0);
  int aligned = page_size() > machine_page() && (flags & FIXED) == 0;
  if (aligned) {
    address = reserve(address, length);
    if (address == NULL) {
      done(-1);
      return MAP_FAILED;
    }
    linux_flags |= MAP_FIXED;
  }
  int zeros = tag != 0 && (flags & SHARED) == 0 ? zeros_with(tag) : -1;
  if (zeros >= 0) linux_flags &= ~MAP_ANONYMOUS;
  if ((flags & ANON) != 0) fd = zeros;
  void *result = mmap(address, length, protection, linux_flags, fd, offset);
  if (zeros >= 0) close(zeros);
  if (result == MAP_FAILED) {
    done(-1);
    if (aligned) munmap(address, length);
  } else if ((flags & (RESILIENT_MEDIA | SHARED)) == RESILIENT_MEDIA) { /* of others it is ignored */
    be_resilient((uint64_t)result, (uint64_t)result + length);
  }
  return result;
}

int DARWIN(munmap)(void *address, uint64_t length) {
  if (length == 0 || page_down((uint64_t)address) != (uint64_t)address) return fail(EINVAL);
  return done(munmap(address, page_up(length)));
}

int DARWIN(mprotect)(void *address, uint64_t length, int protection) {
  uint64_t start = (uint64_t)address;
  struct place place;
  if (page_down(start) != start || (protection & ~7) != 0) return fail(EINVAL);
  if ((protection & (WRITE | EXEC)) != 0) protection |= READ;
  if (is_forbidden(protection)) return fail(EACCES);
  if ((protection & EXEC) != 0 && place_at(start, &place) == 0 && place.is_shm) return fail(EACCES);
  return done(mprotect(address, page_up(length), protection));
}

/* MS_KILLPAGES is what Linux calls MS_SYNC, and loses the pages. */
int DARWIN(msync)(void *address, uint64_t length, int flags) {
  enum { ASYNC = 1, INVALIDATE = 2, KILLPAGES = 4, DEACTIVATE = 8, SYNC = 0x10 };
  uint64_t start = (uint64_t)address;
  if (length == 0 || page_down(start) != start) return fail(EINVAL);
  if ((flags & (SYNC | ASYNC)) == (SYNC | ASYNC)) return fail(EINVAL);
  if ((flags & ~(ASYNC | INVALIDATE | SYNC)) != 0) {
    note("msync: KILLPAGES, DEACTIVATE or unknown flags", flags);
    return fail(EINVAL);
  }
  int how = (flags & ASYNC) != 0 ? MS_ASYNC : MS_SYNC;
  return done(msync(address, page_up(length), how | ((flags & INVALIDATE) != 0 ? MS_INVALIDATE : 0)));
}

/* Zeroes part of a mapping by dropping its pages. */
static int drop(const struct place *place, uint64_t start, uint64_t end) {
  uint64_t from = start > place->start ? start : place->start;
  uint64_t to = end < place->end ? end : place->end;
  return madvise((void *)from, to - from, place->is_shared ? MADV_REMOVE : MADV_DONTNEED);
}

/* vm_map_zero_entry_preflight */
static int check_zero(const struct place *place) {
  if ((place->protection & WRITE) == 0 || (place->protection & EXEC) != 0) return EPERM;
  return place->has_file && !place->is_shared ? DARWIN_ENOTSUP : 0; /* copy-on-write */
}

/*
 * MADV_FREE may lose the pages of any object that has no file, shared or not: here it does at once.
 * MADV_ZERO zeroes what is resident.
 */
static int drop_all(uint64_t start, uint64_t end, int zero) {
  struct place place;
  for (uint64_t at = start; at < end; at = place.end) {
    if (place_at(at, &place) != 0) return fail(EINVAL);
    int is_file = place.has_file && place.is_shared && !place.is_shm;
    int error = zero ? check_zero(&place) : 0;
    if (error != 0) return fail(error);
    if (!is_file) {
      if (drop(&place, start, end) != 0) return done(-1);
    } else if (zero) {
      memset((void *)at, 0, (end < place.end ? end : place.end) - at);
    }
  }
  return 0;
}

int DARWIN(madvise)(void *address, uint64_t length, int advice) {
  enum { NORMAL, RANDOM, SEQUENTIAL, WILLNEED, DONTNEED, FREE, REUSABLE = 7, CAN_REUSE = 9, PAGEOUT, ZERO };
  uint64_t start = page_down((uint64_t)address), end = page_up((uint64_t)address + length);
  if (advice == PAGEOUT) return fail(DARWIN_ENOTSUP); /* not in the kernels that are shipped */
#ifdef TWIN_OLD
  if (advice == ZERO) return fail(EINVAL);
#endif
  if (advice < 0 || advice > ZERO) {
    note("madvise: unknown advice", advice);
    return fail(EINVAL);
  }
  if (!is_mapped(start, end)) return fail(EINVAL);
  if (advice == FREE || advice == REUSABLE) return drop_all(start, end, 0);
  if (advice == ZERO) return drop_all(start, end, 1);
  /* DONTNEED deactivates pages and keeps what they hold. */
  if (advice <= WILLNEED) madvise((void *)start, end - start, advice);
  return 0;
}

/* A page in a hole is no error, and counts as anonymous. */
int DARWIN(mincore)(void *address, uint64_t length, char *vector) {
  enum { INCORE = 1, REFERENCED = 2, ANONYMOUS = 0x80 };
  uint64_t start = page_down((uint64_t)address), end = page_up((uint64_t)address + length);
  struct place place = {0};
  int mapped = -1;
  for (uint64_t at = start; at < end; at += page_size()) {
    unsigned char in = 0;
    if (mapped != 0 || at >= place.end) mapped = place_at(at, &place);
    for (uint64_t part = 0; part < page_size(); part += machine_page()) {
      unsigned char here = 0;
      if (mincore((void *)(at + part), machine_page(), &here) == 0) in |= here & 1;
    }
    int external = mapped == 0 && place.has_file && !place.is_shm;
    vector[(at - start) / page_size()] = (in ? INCORE | REFERENCED : 0) | (external ? 0 : ANONYMOUS);
  }
  return 0;
}

int DARWIN(mlock)(void *address, uint64_t length) {
  uint64_t start = page_down((uint64_t)address), end = page_up((uint64_t)address + length);
  if (length == 0 || mlock((void *)start, end - start) == 0) return 0;
  if (errno == EAGAIN || !is_mapped(start, end)) return fail(ENOMEM);
  return fail(DARWIN_EAGAIN); /* the limit */
}

int DARWIN(munlock)(void *address, uint64_t length) {
  return done(munlock(address, length));
}
