/* Processes and threads: bsd/kern/proc_info.c, bsd/sys/proc_info.h, osfmk/kern/thread.c. */
#include "twin.h"
#include <dirent.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LISTFDS = 1, TBSDINFO = 3, REGIONINFO = 7, UNIQIDENTIFIERINFO = 17, LISTTHREADIDS = 28, SZOMB = 5 };

struct bsd_info {
  uint32_t flags, status, exit_status, pid, parent, uid, gid, real_uid, real_gid, saved_uid, saved_gid,
      reserved;
  char command[16], name[32];
  uint32_t files, group, job, terminal, terminal_group;
  int32_t nice;
  uint64_t start_seconds, start_microseconds;
};
_Static_assert(sizeof(struct bsd_info) == 136 && offsetof(struct bsd_info, start_seconds) == 120, "");

struct unique_info {
  uint8_t uuid[16];
  uint64_t unique_id, parent_unique_id;
  int32_t version, parent_version;
  uint64_t reserved[2];
};
_Static_assert(sizeof(struct unique_info) == 56, "proc_uniqidentifierinfo");

/* What /proc/PID/stat tells, or that of a thread. */
struct told {
  char state;
  int parent;
  uint64_t ticks; /* of which a second has 100 */
};

static int read_stat(const char *path, struct told *told) {
  char text[2000];
  FILE *file = fopen(path, "r");
  if (file == NULL) return -1;
  size_t length = fread(text, 1, sizeof(text) - 1, file);
  fclose(file);
  text[length] = 0;
  char *rest = strrchr(text, ')'); /* the name may contain anything */
  if (rest == NULL) return -1;
  int found = sscanf(rest + 1, " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %lu",
                     &told->state, &told->parent, &told->ticks);
  return found == 3 ? 0 : -1;
}

static int stat_of(int pid, struct told *told) {
  char path[40];
  snprintf(path, sizeof(path), "/proc/%d/stat", pid);
  return pid > 0 ? read_stat(path, told) : -1;
}

/* Numbers that no thread gets again: when it began, and its number on Linux. */
static uint64_t thread_number(const char *folder, int thread) {
  char path[80];
  struct told told;
  snprintf(path, sizeof(path), "%s/%d/stat", folder, thread);
  return read_stat(path, &told) == 0 ? told.ticks << 16 | thread : 0;
}

/* int pthread_threadid_np(pthread_t thread, uint64_t *thread_id) */
int DARWIN(pthread_threadid_np)(void *thread, uint64_t *number) {
  static __thread uint64_t own;
  if (thread != NULL) return EINVAL; /* not asked for */
  if (own == 0) own = thread_number("/proc/self/task", syscall(SYS_gettid));
  *number = own;
  return 0;
}

int DARWIN(pthread_main_np)(void) { return syscall(SYS_gettid) == getpid(); }

/* Answers 0 and an errno, which is how these calls fail. */
static int none(int error) {
  fail(error);
  return 0;
}

static int list_threads(int pid, uint64_t *numbers, int size) {
  char folder[40];
  struct dirent *entry;
  int count = 0;
  snprintf(folder, sizeof(folder), "/proc/%d/task", pid);
  DIR *directory = opendir(folder);
  if (directory == NULL) return none(ESRCH);
  while ((entry = readdir(directory)) != NULL && (count + 1) * 8 <= size) {
    uint64_t number = entry->d_name[0] == '.' ? 0 : thread_number(folder, atoi(entry->d_name));
    if (number != 0) numbers[count++] = number;
  }
  closedir(directory);
  return count * 8;
}

/* The user that /proc/PID belongs to. */
static int is_allowed(int pid, uint32_t *uid, uint32_t *gid) {
  char path[40];
  struct stat status;
  snprintf(path, sizeof(path), "/proc/%d/task", pid);
  if (stat(path, &status) != 0) return 0;
  *uid = status.st_uid;
  *gid = status.st_gid;
  return geteuid() == 0 || status.st_uid == geteuid();
}

static int bsd_info(int pid, const struct told *told, uint32_t uid, uint32_t gid, struct bsd_info *info) {
  *info = (struct bsd_info){
      .status = told->state == 'Z' ? SZOMB : 2, .pid = pid, .parent = told->parent, .uid = uid, .gid = gid,
      .real_uid = uid, .real_gid = gid, .saved_uid = uid, .saved_gid = gid,
      .start_seconds = told->ticks / 100, .start_microseconds = told->ticks % 100 * 10000};
  return sizeof(*info);
}

static int unique_info(int pid, const struct told *told, struct unique_info *info) {
  struct told parent = {0};
  int known = stat_of(told->parent, &parent) == 0;
  *info = (struct unique_info){.unique_id = told->ticks << 17 | pid,
                               .parent_unique_id = known ? parent.ticks << 17 | told->parent : 0};
  return sizeof(*info);
}

static int least_size(int flavor) {
  switch (flavor) {
    case LISTFDS: return 8;
    case TBSDINFO: return sizeof(struct bsd_info);
    case REGIONINFO: return 96;
    case UNIQIDENTIFIERINFO: return sizeof(struct unique_info);
    case LISTTHREADIDS: return 8;
    default: return 0;
  }
}

/* int proc_pidinfo(int pid, int flavor, uint64_t arg, void *buffer, int buffersize) */
int DARWIN(proc_pidinfo)(int pid, int flavor, uint64_t argument, void *buffer, int size) {
  struct told told;
  uint32_t uid = 0, gid = 0;
  int least = least_size(flavor);
  if (least == 0) {
    note("proc_pidinfo: unknown flavor", flavor);
    return none(EINVAL);
  }
  if (size < least && !(flavor == LISTFDS && buffer == NULL)) return none(ENOMEM);
  int zombies_too = flavor == TBSDINFO && argument == 1;
  if (stat_of(pid, &told) != 0 || (told.state == 'Z' && !zombies_too)) return none(ESRCH);
  if (flavor == UNIQIDENTIFIERINFO) return unique_info(pid, &told, buffer);
  if (!is_allowed(pid, &uid, &gid)) return none(EPERM);
  switch (flavor) {
    case TBSDINFO: return bsd_info(pid, &told, uid, gid, buffer);
    case REGIONINFO: return region_info(pid, argument, buffer);
    case LISTFDS: return list_descriptors(pid, buffer, size);
    default: return list_threads(pid, buffer, size);
  }
}
