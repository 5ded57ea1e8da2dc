/* What is mapped where, as Linux tells it. */
#include "twin.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* linux/fs.h, since Linux 6.11 */
struct procmap_query {
  uint64_t size, flags, address, start, end, vma_flags, page_size, offset, inode;
  uint32_t major, minor, name_size, build_id_size;
  uint64_t name, build_id;
};
#define PROCMAP_QUERY _IOWR('f', 17, struct procmap_query)
#define QUERY_SHARED 8
#define QUERY_COVERING_OR_NEXT 16

#define TAGS TWIN_FOLDER "/tag-"

static void set_name(struct place *place, const char *name) {
  place->is_shm = strncmp(name, TWIN_FOLDER "/shm/", sizeof(TWIN_FOLDER "/shm/") - 1) == 0;
  if (strncmp(name, TAGS, sizeof(TAGS) - 1) == 0) {
    place->tag = atoi(name + sizeof(TAGS) - 1);
    place->inode = place->offset = 0;
  }
  place->has_file = place->inode != 0;
}

/* The kernel here may have no names for memory without a file. */
int zeros_with(uint32_t tag) {
  char path[sizeof(TAGS) + 10];
  snprintf(path, sizeof(path), TAGS "%u", tag);
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd >= 0 && ftruncate(fd, 1l << 46) == 0) return fd;
  if (fd >= 0) close(fd);
  return -1;
}

static int ask(int fd, uint64_t address, struct place *place) {
  char name[4096] = "";
  struct procmap_query query = {
      .size = sizeof(query), .flags = QUERY_COVERING_OR_NEXT, .address = address,
      .name_size = sizeof(name), .name = (uint64_t)(uintptr_t)name};
  if (ioctl(fd, PROCMAP_QUERY, &query) != 0) return -1;
  *place = (struct place){
      .start = query.start, .end = query.end, .offset = query.offset,
      .device = makedev(query.major, query.minor), .inode = query.inode,
      .protection = query.vma_flags & 7, .is_shared = (query.vma_flags & QUERY_SHARED) != 0};
  set_name(place, query.name_size > 0 ? name : "");
  return 0;
}

/* The same from the text, for older kernels and the emulator. */
static int look(int fd, uint64_t address, struct place *place) {
  char line[4400], rights[5], name[4096];
  unsigned major, minor;
  FILE *file = fdopen(dup(fd), "r");
  if (file == NULL) return -1;
  int found = -1;
  while (found != 0 && fgets(line, sizeof(line), file) != NULL) {
    name[0] = 0;
    *place = (struct place){0};
    sscanf(line, "%lx-%lx %4s %lx %x:%x %lu %4095[^\n]", &place->start, &place->end, rights,
           &place->offset, &major, &minor, &place->inode, name);
    if (place->end <= address) continue;
    place->device = makedev(major, minor);
    place->protection = (rights[0] == 'r') | (rights[1] == 'w') << 1 | (rights[2] == 'x') << 2;
    place->is_shared = rights[3] == 's';
    set_name(place, name);
    found = 0;
  }
  fclose(file);
  return found;
}

int place_from(int pid, uint64_t address, struct place *place) {
  char path[40];
  snprintf(path, sizeof(path), "/proc/%d/maps", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  int result = ask(fd, address, place);
  if (result != 0 && errno != ENOENT) result = look(fd, address, place);
  close(fd);
  return result;
}

int place_at(uint64_t address, struct place *place) {
  if (place_from(getpid(), address, place) != 0) return -1;
  return place->start <= address ? 0 : -1;
}

int is_mapped(uint64_t start, uint64_t end) {
  struct place place;
  while (start < end) {
    if (place_at(start, &place) != 0) return 0;
    start = place.end;
  }
  return 1;
}

uint64_t machine_page(void) { return sysconf(_SC_PAGESIZE); }

uint64_t page_size(void) {
#ifdef TWIN_PAGE
  return TWIN_PAGE;
#else
  return machine_page();
#endif
}

uint64_t page_down(uint64_t address) { return address & ~(page_size() - 1); }

uint64_t page_up(uint64_t length) { return page_down(length + page_size() - 1); }
