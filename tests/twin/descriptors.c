/* The open descriptors of processes: bsd/kern/proc_info.c, bsd/sys/proc_info.h. */
#include "twin.h"
#include <dirent.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VNODE = 1, SOCKET = 2, PSHM = 3, KQUEUE = 5, PIPE = 6, PIDFDPSHMINFO = 5 };

struct descriptor {
  int32_t number;
  uint32_t type;
};

struct shm_info {
  uint32_t open_flags, status;
  int64_t file_offset;
  int32_t type;
  uint32_t guard_flags;
  uint32_t device;
  uint16_t mode, links;
  uint64_t inode;
  uint32_t uid, gid;
  int64_t times[8];
  int64_t size, blocks;
  int32_t block_size;
  uint32_t flags, generation, raw_device;
  int64_t spares[2];
  uint64_t mapped_at;
  char name[1024];
};
_Static_assert(offsetof(struct shm_info, name) == 168 && sizeof(struct shm_info) == 1192, "pshm_fdinfo");

/* Where a descriptor of a process leads. Returns 0, or -1. */
static int link_of(int pid, int fd, char *link, size_t size) {
  char path[60];
  snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
  ssize_t length = readlink(path, link, size - 1);
  if (length < 0) return -1;
  link[length] = 0;
  return 0;
}

static uint32_t type_of(const char *link) {
  char name[1024];
  if (shm_name_of_link(link, name, sizeof(name))) return PSHM;
  if (strncmp(link, "socket:", 7) == 0) return SOCKET;
  if (strncmp(link, "pipe:", 5) == 0) return PIPE;
  return link[0] == '/' ? VNODE : KQUEUE;
}

/* Without a list, how many bytes one of all would have, and 20 more descriptors. */
int list_descriptors(int pid, void *list, int size) {
  char folder[40], link[4096];
  struct descriptor *descriptors = list;
  struct dirent *entry;
  int count = 0;
  snprintf(folder, sizeof(folder), "/proc/%d/fd", pid);
  DIR *directory = opendir(folder);
  if (directory == NULL) {
    fail(ESRCH);
    return 0;
  }
  while ((entry = readdir(directory)) != NULL) {
    int fd = atoi(entry->d_name);
    if (entry->d_name[0] == '.' || (pid == getpid() && fd == dirfd(directory))) continue;
    if (list != NULL && (count + 1) * (int)sizeof(*descriptors) > size) break;
    if (link_of(pid, fd, link, sizeof(link)) != 0) continue;
    if (list != NULL) descriptors[count] = (struct descriptor){fd, type_of(link)};
    count++;
  }
  closedir(directory);
  return (list == NULL ? count + 20 : count) * sizeof(*descriptors);
}

/* int proc_pidfdinfo(int pid, int fd, int flavor, void *buffer, int buffersize) */
int DARWIN(proc_pidfdinfo)(int pid, int fd, int flavor, void *buffer, int size) {
  char link[4096], path[60];
  struct stat status;
  struct shm_info *info = buffer;
  int error = 0;
  snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
  if (flavor != PIDFDPSHMINFO) error = EINVAL;
  else if (size < (int)sizeof(*info)) error = ENOMEM;
  else if (link_of(pid, fd, link, sizeof(link)) != 0) error = errno == EACCES ? EPERM : EBADF;
  else if (type_of(link) != PSHM) error = EBADF; /* of another type */
  else if (stat(path, &status) != 0) error = EBADF;
  if (error != 0) {
    fail(error);
    return 0;
  }
  *info = (struct shm_info){.type = PSHM, .mode = status.st_mode & 0777, .uid = status.st_uid,
                            .gid = status.st_gid, .size = status.st_size};
  shm_name_of_link(link, info->name, sizeof(info->name));
  return sizeof(*info);
}
