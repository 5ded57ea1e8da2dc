/*
 * Waiting for words: bsd/kern/sys_ulock.c, libplatform src/os/lock.c. Who waits stands in a table that all
 * processes of the run share, since Linux's futexes tell less: a thread that was woken counts as one that
 * waits until it has run, and all who wait for a word must wait for it in the same way.
 */
#include "twin.h"
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* bsd/sys/ulock.h */
enum {
  COMPARE_AND_WAIT = 1, COMPARE_AND_WAIT_SHARED = 3, COMPARE_AND_WAIT64 = 5,
  COMPARE_AND_WAIT64_SHARED = 6, OPCODE_MASK = 0xff, WAKE_ALL = 0x100, NO_ERRNO = 0x1000000,
};

enum { WAITING = 1, WOKEN = 2 };

struct waiter {
  int32_t pid, thread; /* 0: this place is free */
  uint32_t state, opcode;
  uint64_t object, offset, turn;
};

#define PLACES 1024

struct table {
  pthread_mutex_t mutex;
  uint64_t turns;
  struct waiter waiters[PLACES];
};

static struct table *open_table(void) {
  static const char PATH[] = TWIN_FOLDER "/waiters";
  char fresh[sizeof(PATH) + 30];
  int fd = open(PATH, O_RDWR | O_CLOEXEC);
  if (fd < 0) {
    snprintf(fresh, sizeof(fresh), "%s.%d.%ld", PATH, getpid(), syscall(SYS_gettid));
    fd = open(fresh, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0 || fchmod(fd, 0666) != 0 || ftruncate(fd, sizeof(struct table)) != 0) return NULL;
    struct table *table = mmap(NULL, sizeof(*table), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&table->mutex, &attributes);
    munmap(table, sizeof(*table));
    close(fd);
    int failed = link(fresh, PATH) != 0 && errno != EEXIST;
    unlink(fresh);
    if (failed) return NULL;
    fd = open(PATH, O_RDWR | O_CLOEXEC); /* whoever was first */
  }
  if (fd < 0) return NULL;
  void *table = mmap(NULL, sizeof(struct table), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  return table == MAP_FAILED ? NULL : table;
}

static struct table *table;

static void load_table(void) { table = open_table(); }

/* A process that is killed in between leaves nothing half done that matters. */
static int lock_table(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load_table);
  if (table == NULL) return -1;
  if (pthread_mutex_lock(&table->mutex) == EOWNERDEAD) pthread_mutex_consistent(&table->mutex);
  return 0;
}

static void unlock_table(void) { pthread_mutex_unlock(&table->mutex); }

static int is_shared_opcode(uint32_t opcode) {
  return opcode == COMPARE_AND_WAIT_SHARED || opcode == COMPARE_AND_WAIT64_SHARED;
}

static uint64_t size_of(uint32_t opcode) { return opcode >= COMPARE_AND_WAIT64 ? 8 : 4; }

/* uaddr_findobj: the object and the offset there, or else the process and the address. */
static int find_key(uint32_t opcode, uint64_t address, struct waiter *key) {
  struct place place;
  *key = (struct waiter){.opcode = opcode, .object = (uint64_t)getpid() << 1 | 1, .offset = address};
  if (!is_shared_opcode(opcode)) return 0;
  if (place_at(address, &place) != 0) return EINVAL;
  if (place.is_shared) {
    key->object = (place.device << 40 ^ place.inode) << 1;
    key->offset = place.offset + address - place.start;
  }
  return 0;
}

/* Whether the page is in this process's memory; the kernel does not fetch it. */
static int is_present(uint64_t address) {
  uint64_t entry = 1ull << 63;
  int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 1;
  ssize_t length = pread(fd, &entry, sizeof(entry), address / machine_page() * sizeof(entry));
  close(fd);
  return length == 0 || entry >> 63 != 0;
}

/* The others who wait for that word, those included who have not run since they were woken. */
static int count(const struct waiter *key, uint32_t *opcode) {
  int found = 0;
  for (struct waiter *one = table->waiters; one < table->waiters + PLACES; one++) {
    if (one->thread == 0 || one->object != key->object || one->offset != key->offset) continue;
    if (syscall(SYS_tgkill, one->pid, one->thread, 0) != 0 && errno == ESRCH) {
      one->thread = 0;
      continue;
    }
    *opcode = one->opcode;
    found++;
  }
  return found;
}

static struct waiter *enter(const struct waiter *key) {
  for (struct waiter *one = table->waiters; one < table->waiters + PLACES; one++) {
    if (one->thread != 0) continue;
    *one = *key;
    one->pid = getpid();
    one->state = WAITING;
    one->turn = table->turns++;
    one->thread = syscall(SYS_gettid);
    return one;
  }
  return NULL;
}

/* Up to the moment when the thread would block. Returns the others' number, or a negative error. */
static int look(const struct waiter *key, uint64_t address, uint64_t expected, struct waiter **own) {
  uint32_t opcode = key->opcode;
  uint64_t value = 0;
  int others = count(key, &opcode);
  if (opcode != key->opcode) return -EDOM;
  if (!is_present(address)) return -EFAULT;
  if (copy_safely(&value, (void *)address, size_of(opcode)) != 0) return -EFAULT;
  if (size_of(opcode) == 4 ? (uint32_t)value != (uint32_t)expected : value != expected) return others;
  *own = enter(key);
  return *own == NULL ? -ENOMEM : others;
}

static int sleep_until(struct waiter *own, uint64_t nanoseconds) {
  struct timespec end;
  clock_gettime(CLOCK_MONOTONIC, &end);
  uint64_t at = end.tv_nsec + nanoseconds % 1000000000;
  end.tv_sec += nanoseconds / 1000000000 + at / 1000000000;
  end.tv_nsec = at % 1000000000;
  while (__atomic_load_n(&own->state, __ATOMIC_ACQUIRE) == WAITING) {
    /* FUTEX_WAIT_BITSET's time is absolute. */
    long result = syscall(SYS_futex, &own->state, FUTEX_WAIT_BITSET, WAITING,
                          nanoseconds == 0 ? NULL : &end, NULL, FUTEX_BITSET_MATCH_ANY);
    if (result != 0 && errno == ETIMEDOUT) return -DARWIN_ETIMEDOUT;
    if (result != 0 && errno == EINTR) return -EINTR;
  }
  return 0;
}

/* nanoseconds 0: no end. Returns how many others wait, or a negative error. */
static int wait_for(uint32_t opcode, uint64_t address, uint64_t expected, uint64_t nanoseconds) {
  struct waiter key, *own = NULL;
  if (address == 0 || address % size_of(opcode) != 0) return -EINVAL;
  int error = find_key(opcode, address, &key);
  if (error != 0) return -error;
  if (lock_table() != 0) return -ENOMEM;
  int result = look(&key, address, expected, &own);
  unlock_table();
  if (own == NULL) return result;
  result = sleep_until(own, nanoseconds);
  lock_table();
  if (own->state == WOKEN) result = 0;
  own->thread = 0;
  uint32_t same = opcode;
  int others = count(&key, &same);
  unlock_table();
  return result != 0 ? result : others;
}

static struct waiter *longest_waiting(const struct waiter *key) {
  struct waiter *first = NULL;
  for (struct waiter *one = table->waiters; one < table->waiters + PLACES; one++) {
    if (one->thread == 0 || one->state != WAITING) continue;
    if (one->object != key->object || one->offset != key->offset) continue;
    if (first == NULL || one->turn < first->turn) first = one;
  }
  return first;
}

static int wake(uint32_t opcode, uint64_t address, int all) {
  struct waiter key, *one;
  uint32_t theirs = opcode;
  if (address == 0) return -EINVAL;
  int error = find_key(opcode, address, &key);
  if (error != 0) return -error;
  if (lock_table() != 0) return -ENOMEM;
  int result = count(&key, &theirs) == 0 ? -ENOENT : theirs != opcode ? -EDOM : 0;
  while (result == 0 && (one = longest_waiting(&key)) != NULL) {
    __atomic_store_n(&one->state, WOKEN, __ATOMIC_RELEASE);
    syscall(SYS_futex, &one->state, FUTEX_WAKE, 1, NULL, NULL, 0);
    if (!all) break;
  }
  unlock_table();
  return result;
}

static int told(int result) { return result < 0 ? fail(-result) : result; }

static int is_opcode(uint32_t operation, uint32_t flags) {
  uint32_t opcode = operation & OPCODE_MASK;
  return (operation & ~(OPCODE_MASK | flags | NO_ERRNO)) == 0 &&
         (opcode == COMPARE_AND_WAIT || opcode == COMPARE_AND_WAIT64 || is_shared_opcode(opcode));
}

int DARWIN(__ulock_wait2)(uint32_t operation, uint64_t address, uint64_t value, uint64_t timeout_ns,
                          uint64_t value2) {
  (void)value2;
  int result = is_opcode(operation, 0)
                   ? wait_for(operation & OPCODE_MASK, address, value, timeout_ns)
                   : -EINVAL;
  return (operation & NO_ERRNO) != 0 ? result : told(result);
}

/* A timeout of 0 is none. */
int DARWIN(__ulock_wait)(uint32_t operation, uint64_t address, uint64_t value, uint32_t timeout_us) {
  return darwin___ulock_wait2(operation, address, value, timeout_us * 1000ull, 0);
}

int DARWIN(__ulock_wake)(uint32_t operation, uint64_t address, uint64_t wake_value) {
  (void)wake_value;
  int result = is_opcode(operation, WAKE_ALL)
                   ? wake(operation & OPCODE_MASK, address, (operation & WAKE_ALL) != 0)
                   : -EINVAL;
  return (operation & NO_ERRNO) != 0 ? result : told(result);
}

#ifndef TWIN_OLD
/* os/os_sync_wait_on_address.h */
enum { OS_SYNC_SHARED = 1, OS_CLOCK_MACH_ABSOLUTE_TIME = 32 };

static uint32_t opcode_of(uint64_t size, uint32_t flags) {
  if ((flags & ~OS_SYNC_SHARED) != 0 || (size != 4 && size != 8)) return 0;
  if (size == 4) return flags != 0 ? COMPARE_AND_WAIT_SHARED : COMPARE_AND_WAIT;
  return flags != 0 ? COMPARE_AND_WAIT64_SHARED : COMPARE_AND_WAIT64;
}

int DARWIN(os_sync_wait_on_address)(uint64_t address, uint64_t value, uint64_t size, uint32_t flags) {
  uint32_t opcode = opcode_of(size, flags);
  return opcode == 0 ? fail(EINVAL) : told(wait_for(opcode, address, value, 0));
}

int DARWIN(os_sync_wait_on_address_with_timeout)(uint64_t address, uint64_t value, uint64_t size,
                                                 uint32_t flags, uint32_t clock, uint64_t timeout_ns) {
  uint32_t opcode = opcode_of(size, flags);
  if (opcode == 0 || clock != OS_CLOCK_MACH_ABSOLUTE_TIME || timeout_ns == 0) return fail(EINVAL);
  return told(wait_for(opcode, address, value, timeout_ns));
}

int DARWIN(os_sync_wake_by_address_any)(uint64_t address, uint64_t size, uint32_t flags) {
  uint32_t opcode = opcode_of(size, flags);
  return opcode == 0 ? fail(EINVAL) : told(wake(opcode, address, 0));
}

int DARWIN(os_sync_wake_by_address_all)(uint64_t address, uint64_t size, uint32_t flags) {
  uint32_t opcode = opcode_of(size, flags);
  return opcode == 0 ? fail(EINVAL) : told(wake(opcode, address, 1));
}
#endif
