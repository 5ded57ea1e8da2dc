/* PROC_PIDREGIONINFO: osfmk/vm/bsd_vm.c fill_procregioninfo, bsd/sys/proc_info.h struct proc_regioninfo. */
#include "twin.h"
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct region {
  uint32_t protection, most_protection, inheritance, flags;
  uint64_t offset;
  uint32_t behavior, wired, tag, resident, shared_now_private, swapped, dirtied, references, depth,
      share_mode, private_resident, shared_resident, object, level;
  uint64_t address, size;
};
_Static_assert(sizeof(struct region) == 96 && offsetof(struct region, address) == 80, "proc_regioninfo");

/* mach/vm_region.h, mach/vm_inherit.h */
enum { SM_COW = 1, SM_PRIVATE, SM_EMPTY, SM_SHARED, INHERIT_SHARE = 0, INHERIT_COPY };

/* How many use the object, and not whether the mapping is shared: a file's only mapping is private. */
static uint32_t share_mode(const struct place *place, int is_untouched) {
  if (is_untouched) return SM_EMPTY;
  if (place->is_shared) return place->has_file && !place->is_shm ? SM_PRIVATE : SM_SHARED;
  return place->has_file ? SM_COW : SM_PRIVATE;
}

/* What /proc/PID/smaps says of one mapping, in bytes. */
struct usage {
  uint64_t resident, shared, swapped, dirty, locked;
};

static void add(struct usage *usage, const char *line) {
  static const struct {
    const char *name;
    size_t at;
  } FIELDS[] = {
      {"Rss:", offsetof(struct usage, resident)},          {"Shared_Clean:", offsetof(struct usage, shared)},
      {"Shared_Dirty:", offsetof(struct usage, shared)},   {"Shared_Dirty:", offsetof(struct usage, dirty)},
      {"Private_Dirty:", offsetof(struct usage, dirty)},   {"Swap:", offsetof(struct usage, swapped)},
      {"Locked:", offsetof(struct usage, locked)},
  };
  char name[40];
  unsigned long kilobytes;
  if (sscanf(line, "%39s %lu kB", name, &kilobytes) != 2) return;
  for (size_t i = 0; i < sizeof(FIELDS) / sizeof(*FIELDS); i++)
    if (strcmp(FIELDS[i].name, name) == 0)
      *(uint64_t *)((char *)usage + FIELDS[i].at) += kilobytes * 1024;
}

static struct usage usage_of(int pid, uint64_t start) {
  char path[40], line[4400];
  struct usage usage = {0};
  uint64_t from, to;
  int here = 0;
  snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
  FILE *file = fopen(path, "r");
  if (file == NULL) return usage;
  while (fgets(line, sizeof(line), file) != NULL) {
    int is_head = sscanf(line, "%lx-%lx ", &from, &to) == 2;
    if (is_head && here) break;
    if (is_head) here = from == start;
    else if (here) add(&usage, line);
  }
  fclose(file);
  return usage;
}

/* The region that holds an address, or else the next one. */
int region_info(int pid, uint64_t address, void *info) {
  struct place place;
  if (place_from(pid, address, &place) != 0) {
    fail(EINVAL);
    return 0;
  }
  /* A handler does not ask how much memory it is, and Linux takes long to tell. */
  struct usage usage = is_in_handler() ? (struct usage){0} : usage_of(pid, place.start);
  uint64_t page = page_size();
  int none = usage.resident == 0 && usage.swapped == 0 && !place.has_file;
  struct region region = {
      .protection = place.protection,
      .most_protection = place.is_shm ? 3 : 7,
      .inheritance = place.is_shared ? INHERIT_SHARE : INHERIT_COPY,
      .tag = place.tag,
      .offset = place.offset,
      .wired = usage.locked > 0,
      .resident = usage.resident / page,
      .swapped = usage.swapped / page,
      .dirtied = usage.dirty / page,
      .references = 1,
      .share_mode = share_mode(&place, none),
      .private_resident = (usage.resident - usage.shared) / page,
      .shared_resident = usage.shared / page,
      .object = (uint32_t)place.inode,
      .address = place.start,
      .size = place.end - place.start,
  };
  memcpy(info, &region, sizeof(region));
  return sizeof(region);
}
