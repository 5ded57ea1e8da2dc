/* The machine and its times: Libc gen/FreeBSD/sysconf.c, gen/confstr.c, bsd/kern/kern_newsysctl.c. */
#include "twin.h"
#include <ctype.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int64_t DARWIN(sysconf)(int name) {
  enum { PAGESIZE = 29, NPROCESSORS_CONF = 57, NPROCESSORS_ONLN = 58, PHYS_PAGES = 200 };
  switch (name) {
    case PAGESIZE: return page_size();
    case NPROCESSORS_CONF: return sysconf(_SC_NPROCESSORS_CONF);
    case NPROCESSORS_ONLN: return sysconf(_SC_NPROCESSORS_ONLN);
    case PHYS_PAGES: return sysconf(_SC_PHYS_PAGES) * machine_page() / page_size();
  }
  note("sysconf: unknown name", name);
  return fail(EINVAL);
}

/* bsd/sys/resource.h */
static const int LIMITS[] = {RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_DATA,  RLIMIT_STACK, RLIMIT_CORE,
                             RLIMIT_AS,  RLIMIT_MEMLOCK, RLIMIT_NPROC, RLIMIT_NOFILE};

/* int getrlimit(int resource, struct rlimit *rlp) */
int DARWIN(getrlimit)(int resource, int64_t *limit) {
  struct rlimit found;
  if (resource < 0 || resource > 8) return fail(EINVAL);
  if (getrlimit(LIMITS[resource], &found) != 0) return done(-1);
  limit[0] = found.rlim_cur == RLIM_INFINITY ? INT64_MAX : (int64_t)found.rlim_cur;
  limit[1] = found.rlim_max == RLIM_INFINITY ? INT64_MAX : (int64_t)found.rlim_max;
  return 0;
}

/* int setrlimit(int resource, const struct rlimit *rlp) */
int DARWIN(setrlimit)(int resource, const int64_t *limit) {
  if (resource < 0 || resource > 8) return fail(EINVAL);
  struct rlimit wanted = {limit[0] == INT64_MAX ? RLIM_INFINITY : (rlim_t)limit[0],
                          limit[1] == INT64_MAX ? RLIM_INFINITY : (rlim_t)limit[1]};
  return done(setrlimit(LIMITS[resource], &wanted));
}

int DARWIN(getpagesize)(void) { return page_size(); }

int DARWIN(getpid)(void) { return getpid(); }

/* include/_time.h */
int DARWIN(clock_gettime)(int clock, struct timespec *time) {
  enum { REALTIME, MONOTONIC_RAW = 4, MONOTONIC = 6, UPTIME_RAW = 8 };
  switch (clock) {
    case REALTIME: return done(clock_gettime(CLOCK_REALTIME, time));
    case MONOTONIC: return done(clock_gettime(CLOCK_BOOTTIME, time)); /* goes on in sleep */
    case MONOTONIC_RAW:
    case UPTIME_RAW: return done(clock_gettime(CLOCK_MONOTONIC_RAW, time));
  }
  note("clock_gettime: unknown clock", clock);
  return fail(EINVAL);
}

/* Copies a text with its NUL as confstr does. Returns how many bytes it has. */
static uint64_t give(const char *text, char *buffer, uint64_t size) {
  if (buffer != NULL && size > 0) snprintf(buffer, size, "%s", text);
  return strlen(text) + 1;
}

/* A folder of each user's own; the name ends with "/". */
uint64_t DARWIN(confstr)(int name, char *buffer, uint64_t size) {
  enum { USER_DIR = 65536, USER_TEMP_DIR, USER_CACHE_DIR };
  static const char *const KINDS[] = {"0", "T", "C"};
  char folder[sizeof(TWIN_FOLDER) + 60];
  if (name < USER_DIR || name > USER_CACHE_DIR) {
    note("confstr: unknown name", name);
    fail(EINVAL);
    return 0;
  }
  snprintf(folder, sizeof(folder), TWIN_FOLDER "/folders/%u-%s/", geteuid(), KINDS[name - USER_DIR]);
  if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
    done(-1);
    return 0;
  }
  return give(folder, buffer, size);
}

/* int sysctlbyname(const char *name, void *old, size_t *oldlen, void *new, size_t newlen) */
int DARWIN(sysctlbyname)(const char *name, char *old, uint64_t *old_length, void *new, uint64_t new_length) {
  char id[37];
  if (strcmp(name, "kern.bootsessionuuid") != 0) {
    note("sysctlbyname: unknown name", name[0]);
    return fail(ENOENT);
  }
  if (new != NULL || new_length != 0) return fail(EPERM);
  FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");
  if (file == NULL) return done(-1);
  char *line = fgets(id, sizeof(id), file);
  fclose(file);
  if (line == NULL) return fail(EIO);
  for (char *c = id; *c != 0; c++) *c = toupper(*c);
  uint64_t room = *old_length;
  *old_length = sizeof(id);
  if (old == NULL) return 0;
  if (room < sizeof(id)) return fail(ENOMEM);
  memcpy(old, id, sizeof(id));
  return 0;
}

/* It is there, and has other numbers: the calls that Linux would carry out are none of this system's. */
int DARWIN(syscall)(int number) {
  note("syscall", number);
  return fail(DARWIN_ENOSYS);
}

/* Code that was written can be run: x86-64 sees to that by itself. */
void DARWIN(sys_icache_invalidate)(void *start, uint64_t length) {
  __builtin___clear_cache((char *)start, (char *)start + length);
}

/* void *dlsym(void *handle, const char *symbol), of RTLD_DEFAULT alone */
void *DARWIN(dlsym)(int64_t handle, const char *symbol) {
  Dl_info own;
  char name[200];
  if (handle != -2 || dladdr(darwin_sysconf, &own) == 0) {
    note("dlsym: another handle than RTLD_DEFAULT", handle);
    return NULL;
  }
  snprintf(name, sizeof(name), "darwin_%s", symbol);
  void *library = dlopen(own.dli_fname, RTLD_NOW | RTLD_NOLOAD);
  void *found = dlsym(library, name);
  dlclose(library);
  return found;
}

/* void _tlv_atexit(void (*termfunc)(void *), void *object): dyld/DyldAPIs.cpp */
extern int __cxa_thread_atexit_impl(void (*)(void *), void *, void *);
void DARWIN(_tlv_atexit)(void (*end)(void *), void *object) {
  __cxa_thread_atexit_impl(end, object, NULL);
}
