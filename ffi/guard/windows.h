/*
 * What the fault guard's handler asks of Windows. Functions are called by the addresses that windows.ts
 * puts FUNCTIONS_OFFSET bytes behind the first byte of the code, where nobody can write any more once
 * the code can be run.
 *
 * All memory of regions stands in placeholders. A page is replaced in steps: its view becomes a
 * placeholder, which is cut, and views are put around the page. A thread that meets the gap gets here
 * too, finds the range in somebody's hands, and comes again.
 *
 * Layouts and rules are those that Microsoft documents; it has all run under Wine, not on Windows.
 */

typedef unsigned long u64;
typedef unsigned int u32;

#include "table.h"
#include "repeated.h"

#define FUNCTIONS_OFFSET 8192
/* guard.c's own names of faults, and of what it maps. */
#define SIGBUS 7
#define SIGSEGV 11
#define SEGV_MAPERR 1
#define SEGV_ACCERR 2
#define BUS_ADRERR 2
#define BUS_MCEERR_AR 4 /* no such thing */
#define PROT_READ 1
#define PROT_WRITE 2
#define PROT_READ_WRITE 3
#define MAP_SHARED 1
#define MAP_PRIVATE 2
#define MAP_FIXED 0
#define MAP_ANONYMOUS 0
#define MAP_NORESERVE 0
#define NO_FILE ((u64)-1)

#define EXCEPTION_ACCESS_VIOLATION 0xC0000005
#define EXCEPTION_IN_PAGE_ERROR 0xC0000006
#define EXCEPTION_CONTINUE_EXECUTION (-1)
#define EXCEPTION_CONTINUE_SEARCH 0
#define ACCESS_WRITE 1
#define ACCESS_EXECUTE 8
#define PAGE_NOACCESS 0x01
#define PAGE_READONLY 0x02
#define PAGE_READWRITE 0x04
#define PAGE_WRITECOPY 0x08
#define READABLE 0xee /* all but PAGE_NOACCESS and PAGE_EXECUTE */
#define WRITABLE 0xcc
#define COPIED 0x88 /* PAGE_WRITECOPY, PAGE_EXECUTE_WRITECOPY */
#define MEM_COMMIT 0x1000
#define MEM_RESERVE 0x2000
#define MEM_FREE 0x10000
#define MEM_MAPPED 0x40000
#define MEM_RELEASE 0x8000
#define MEM_PRESERVE_PLACEHOLDER 2
#define MEM_REPLACE_PLACEHOLDER 0x4000
#define MEM_RESERVE_PLACEHOLDER 0x40000
#define SYNCHRONIZE 0x100000
#define ERROR_INVALID_PARAMETER 87 /* OpenThread's for a number that no thread has */
#define SELF ((u64)-1)
#define GRANULE 65536
#define PAGE 4096

struct area { /* MEMORY_BASIC_INFORMATION */
  u64 base, allocation;
  u32 made_with, partition;
  u64 size;
  u32 state, protection, type, unused;
};

/* The same order as FUNCTIONS of windows.ts. */
struct functions {
  u64 (*VirtualQuery)(u64 address, struct area *area, u64 size);
  int (*VirtualProtect)(u64 address, u64 size, u32 protection, u32 *before);
  u64 (*VirtualAlloc)(u64 address, u64 size, u32 type, u32 protection);
  int (*VirtualFree)(u64 address, u64 size, u32 type);
  u64 (*VirtualAlloc2)(u64 process, u64 address, u64 size, u32 type, u32 protection, u64 more, u32 count);
  u64 (*MapViewOfFile3)(u64 section, u64 process, u64 address, u64 offset, u64 size, u32 type,
                        u32 protection, u64 more, u32 count);
  int (*UnmapViewOfFile2)(u64 process, u64 address, u32 flags);
  u64 (*CreateFileMappingW)(u64 file, u64 security, u32 protection, u32 high, u32 low, u64 name);
  int (*CloseHandle)(u64 handle);
  int (*ReadProcessMemory)(u64 process, u64 from, void *to, u64 size, u64 *count);
  int (*NtWriteVirtualMemory)(u64 process, u64 to, const void *from, u64 size, u64 *count);
  u32 (*GetCurrentThreadId)(void);
  u64 (*OpenThread)(u32 access, int inherited, u32 thread);
  u32 (*WaitForSingleObject)(u64 handle, u32 milliseconds);
  int (*SwitchToThread)(void);
  u32 (*GetLastError)(void);
  void (*SetLastError)(u32 error);
};

extern const u64 guard_signature[8];
static inline u64 *find_late(struct table *table, u64 page);
static inline struct table *table_of(void);
static inline u64 file_offset(const struct slot *slot, u64 address);

static inline const struct functions *functions(void) {
  return (const struct functions *)((u64)guard_signature + FUNCTIONS_OFFSET);
}

struct info { /* EXCEPTION_RECORD */
  u32 kind, flags;
  struct info *next;
  u64 at;
  u32 count, unused;
  u64 access, address, status;
};
_Static_assert(sizeof(struct area) == 48, "MEMORY_BASIC_INFORMATION");
_Static_assert(__builtin_offsetof(struct info, address) == 40, "EXCEPTION_RECORD");

struct exception { /* EXCEPTION_POINTERS */
  struct info *info;
  void *context;
};

static inline int keep_errno(void) { return functions()->GetLastError(); }

static inline void restore_errno(int kept) { functions()->SetLastError(kept); }

/* What is at an address. */
static inline int look(u64 address, struct area *area) {
  return functions()->VirtualQuery(address, area, sizeof(*area)) != 0;
}

static inline u64 end_of(const struct area *area) { return area->base + area->size; }

static inline u64 least(u64 a, u64 b) { return a < b ? a : b; }

static inline u64 most(u64 a, u64 b) { return a > b ? a : b; }

static inline int is_there(const struct area *area) { return area->state == MEM_COMMIT; }

static inline int is_view(const struct area *area) { return area->type == MEM_MAPPED; }

/* Whether it is a view whose pages are copied when they are written to. */
static inline int is_copied(const struct area *area) {
  return is_view(area) && (area->made_with & COPIED) != 0;
}

/* Whether a page can be read. The kernel copies its first byte, and fails where this thread would get an
 * exception. */
static inline int readable(u64 page) {
  char byte;
  u64 count;
  return functions()->ReadProcessMemory(SELF, page, &byte, 1, &count) != 0;
}

static inline int is_shared(u64 page, u64 page_size) {
  struct area area;
  (void)page_size;
  return look(page, &area) && is_view(&area) && !is_copied(&area);
}

/* Whether memory without an object is there: in a mapping of an object, this handler has put it there. */
static inline int is_zeros(u64 page, u64 page_size) {
  struct area area;
  (void)page_size;
  return look(page, &area) && is_there(&area) && !is_view(&area);
}

/* The end of the pages that cannot be written to, from `page` on; of zeros alone, if they are asked
 * for. */
static inline u64 skip_forbidden(u64 page, u64 limit, u64 page_size, int zeros) {
  struct area area;
  (void)page_size;
  while (page < limit && look(page, &area)) {
    if (!is_there(&area) || (area.protection & WRITABLE) != 0 || (zeros && is_view(&area))) return page;
    page = end_of(&area);
  }
  return least(page, limit);
}

/* Changes what a range allows. Views and allocations beside each other take a call each. */
static inline int protect(u64 start, u64 length, u64 protection) {
  const struct functions *system = functions();
  struct area area;
  u32 before;
  for (u64 at = start, end = start + length; at < end; at = end_of(&area)) {
    if (!look(at, &area) || !is_there(&area)) return 0;
    u32 wanted = protection == PROT_READ ? PAGE_READONLY : is_view(&area) ? area.made_with : PAGE_READWRITE;
    if (!system->VirtualProtect(at, least(end_of(&area), end) - at, wanted, &before)) return 0;
  }
  return 1;
}

/* Puts a view in the place of a placeholder. A size of 0 reaches to the end of the object, which may lie
 * inside of the last page. */
static inline int put_view(u64 section, u64 start, u64 length, u64 offset, u32 protection) {
  const struct functions *system = functions();
  return system->MapViewOfFile3(section, SELF, start, offset, length, MEM_REPLACE_PLACEHOLDER, protection,
                                0, 0) == start ||
         system->MapViewOfFile3(section, SELF, start, offset, 0, MEM_REPLACE_PLACEHOLDER, protection, 0,
                                0) == start;
}

/* Writes the pages of one view to another one where they differ. */
static inline void copy_changes(u64 from, u64 to, u64 length, u64 *scratch) {
  const struct functions *system = functions();
  u64 count, *other = scratch + PAGE / sizeof(u64);
  for (u64 at = 0; at < length; at += PAGE) {
    if (!system->ReadProcessMemory(SELF, from + at, scratch, PAGE, &count)) continue;
    if (!system->ReadProcessMemory(SELF, to + at, other, PAGE, &count)) continue;
    for (u32 i = 0; i < PAGE / sizeof(u64); i++) {
      if (scratch[i] == other[i]) continue;
      system->NtWriteVirtualMemory(SELF, to + at, scratch, PAGE, &count);
      break;
    }
  }
}

/* A part of a view with another protection than the rest. */
struct part {
  u64 start, end;
  u32 protection;
};

/* A view that is being cut, and what has to be the same afterwards. */
struct cut {
  const struct slot *slot;
  u64 first, last;  /* the view */
  u64 start, end;   /* what is cut out of it */
  u32 made_with;
  struct part *kept; /* parts of it with another protection */
  u32 kept_count;
  u64 shadow;       /* another view, with the pages that differ from the object's; 0: none */
  u64 *scratch;     /* two pages; 0: none */
};

/* Finds the end of the view, and counts its parts with another protection, or writes them down. */
static inline void measure(struct cut *cut) {
  struct area area;
  u32 count = 0;
  for (cut->last = cut->first; look(cut->last, &area) && area.allocation == cut->first &&
                               area.state != MEM_FREE; cut->last = end_of(&area)) {
    if (!is_there(&area) || area.protection == cut->made_with) continue;
    if (cut->kept != 0 && count < cut->kept_count) {
      struct part *part = &cut->kept[count];
      part->start = area.base, part->end = end_of(&area), part->protection = area.protection;
    }
    count++;
  }
  if (cut->kept == 0) cut->kept_count = count;
}

static inline u64 allocate(u64 length) {
  return functions()->VirtualAlloc(0, length, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
}

static inline void release(u64 start) {
  if (start != 0) functions()->VirtualFree(start, 0, MEM_RELEASE);
}

/* Keeps the changed pages of a copying view. Nobody may change more of them meanwhile. */
static inline int save_changes(struct cut *cut) {
  const struct functions *system = functions();
  u64 length = cut->last - cut->first;
  u32 before;
  cut->scratch = (u64 *)allocate(2 * PAGE);
  u64 room = system->VirtualAlloc2(SELF, 0, length, MEM_RESERVE | MEM_RESERVE_PLACEHOLDER, PAGE_NOACCESS,
                                   0, 0);
  if (cut->scratch == 0 || room == 0) return 0;
  if (!put_view((u32)cut->slot->fd, room, length, file_offset(cut->slot, cut->first), PAGE_WRITECOPY)) {
    release(room);
    return 0;
  }
  cut->shadow = room;
  system->VirtualProtect(cut->first, length, PAGE_READONLY, &before);
  copy_changes(cut->first, room, length, cut->scratch);
  return 1;
}

/* Gives a part of the view, one side of the hole, what it had before. */
static inline int put_side(const struct cut *cut, u64 start, u64 end) {
  u32 before;
  if (start >= end) return 1;
  if (!put_view((u32)cut->slot->fd, start, end - start, file_offset(cut->slot, start), cut->made_with)) {
    return 0;
  }
  if (cut->shadow != 0) copy_changes(cut->shadow + (start - cut->first), start, end - start, cut->scratch);
  for (u32 i = 0; i < cut->kept_count; i++) {
    u64 from = most(cut->kept[i].start, start), to = least(cut->kept[i].end, end);
    if (from < to) functions()->VirtualProtect(from, to - from, cut->kept[i].protection, &before);
  }
  return 1;
}

static inline int cut_view(const struct cut *cut) {
  const struct functions *system = functions();
  u32 type = MEM_RELEASE | MEM_PRESERVE_PLACEHOLDER;
  if (!system->UnmapViewOfFile2(SELF, cut->first, MEM_PRESERVE_PLACEHOLDER)) return 0;
  if (cut->first < cut->start) system->VirtualFree(cut->first, cut->start - cut->first, type);
  if (cut->end < cut->last) system->VirtualFree(cut->start, cut->end - cut->start, type);
  int done = put_side(cut, cut->first, cut->start);
  return put_side(cut, cut->end, cut->last) && done;
}

/* Makes a placeholder of a part of a view. */
static inline int carve_view(const struct slot *slot, const struct area *area, u64 start, u64 end) {
  struct cut cut;
  cut.slot = slot, cut.first = area->allocation, cut.start = start, cut.end = end;
  cut.made_with = area->made_with, cut.kept = 0, cut.shadow = 0, cut.scratch = 0;
  if (slot->fd < 0) return 0;
  measure(&cut);
  if (cut.kept_count > 0) {
    cut.kept = (struct part *)allocate(cut.kept_count * sizeof(struct part));
    if (cut.kept == 0) return 0;
    measure(&cut);
  }
  int is_whole = cut.first == start && cut.last == end;
  int done = (is_whole || !is_copied(area) || save_changes(&cut)) && cut_view(&cut);
  if (cut.shadow != 0) functions()->UnmapViewOfFile2(SELF, cut.shadow, 0);
  release((u64)cut.scratch);
  release((u64)cut.kept);
  return done;
}

/* Whether nothing is there in all of what an area is part of, as in a placeholder. Private memory may have
 * a hole, where somebody gave pages back: what is around it must stay. */
static inline int is_empty(const struct area *area) {
  struct area whole, next;
  return look(area->allocation, &whole) && !is_there(&whole) && look(end_of(&whole), &next) &&
         next.allocation != area->allocation;
}

/* Makes a placeholder of a part of an area. */
static inline int carve(const struct slot *slot, const struct area *area, u64 start, u64 end) {
  if (is_view(area)) return carve_view(slot, area, start, end);
  if (is_empty(area)) { /* a placeholder already, which may be longer; or what is left of private memory */
    struct area whole;
    u64 before = start - area->allocation;
    u32 type = MEM_RELEASE | MEM_PRESERVE_PLACEHOLDER;
    if (before > 0 && !functions()->VirtualFree(area->allocation, before, type)) return 0;
    if (!look(start, &whole)) return 0;
    return functions()->VirtualFree(start, end - start, type) || end_of(&whole) == end;
  }
  return functions()->VirtualFree(start, end - start, MEM_RELEASE | MEM_PRESERVE_PLACEHOLDER);
}

/* Puts memory without an object in the place of a placeholder. What is shared here is memory that has a
 * section of its own: for where Windows gives no private memory. */
static inline int put_memory(u64 start, u64 length, u64 protection, u64 flags) {
  const struct functions *system = functions();
  u32 wanted = protection == PROT_READ ? PAGE_READONLY : PAGE_READWRITE;
  if (flags & MAP_PRIVATE) {
    u32 type = MEM_RESERVE | MEM_COMMIT | MEM_REPLACE_PLACEHOLDER;
    return system->VirtualAlloc2(SELF, start, length, type, wanted, 0, 0) == start;
  }
  u64 section = system->CreateFileMappingW(SELF, 0, PAGE_READWRITE, length >> 32, (u32)length, 0);
  if (section == 0) return 0;
  int done = put_view(section, start, length, 0, wanted);
  system->CloseHandle(section);
  return done;
}

/* The slot that a range of this thread's is part of. */
static inline const struct slot *slot_of(u64 start) {
  struct table *table = table_of();
  for (u32 i = 0; i < table->used; i++) {
    const struct slot *slot = &table->slots[i];
    if (slot->start != 0 && start >= slot->start && start < slot->end) return slot;
  }
  return 0;
}

/* Replaces an area of a slot by memory without an object, or by a copying view of it. A view that copies
 * already only gets its rights back. */
static inline int replace(const struct slot *slot, const struct area *area, u64 start, u64 end,
                          u64 protection, u64 flags, u64 section, u64 offset) {
  u64 length = end - start;
  if (section != NO_FILE && is_copied(area)) return protect(start, length, PROT_READ_WRITE);
  if (!carve(slot, area, start, end)) return 0;
  if (section == NO_FILE) return put_memory(start, length, protection, flags);
  if (put_view(section, start, length, offset, PAGE_WRITECOPY)) return 1;
  if (is_view(area)) put_view(section, start, length, offset, area->made_with);
  return 0;
}

/* Maps at fixed addresses of a slot. Returns the address, or a negative number. */
static inline long map(u64 start, u64 length, u64 protection, u64 flags, u64 fd, u64 offset) {
  struct area area;
  const struct slot *slot = start == 0 ? 0 : slot_of(start);
  if (slot == 0) return -1;
  for (u64 at = start, end = start + length; at < end;) {
    if (!look(at, &area)) return -1;
    u64 next = least(end_of(&area), end);
    if (!replace(slot, &area, at, next, protection, flags, fd, offset + (at - start))) return -1;
    at = next;
  }
  return (long)start;
}

/* Nothing is there that a copy in other memory would not count in, and no page can be moved. */
#define UNCOUNTED MAP_SHARED
#define READS_ANY 0

static inline int read_at(int fd, u64 to, u64 length, u64 offset) {
  (void)fd, (void)to, (void)length, (void)offset;
  return 0;
}

static inline int move(u64 from, u64 to, u64 page_size) {
  (void)from, (void)to, (void)page_size;
  return 0;
}

/* Late accesses get whole granules: Windows gives addresses in no smaller parts. */
#define LATE_PAGE_SIZE(table) GRANULE

static inline void unmap(u64 start, u64 length) {
  (void)length;
  release(start);
}

/* Maps at an address where nothing is. Returns 1; -1 if another thread did; or 0. */
static inline int map_if_free(u64 page, u64 page_size, u64 protection, u64 flags) {
  u32 wanted = protection == PROT_READ ? PAGE_READONLY : PAGE_READWRITE;
  (void)flags;
  if (functions()->VirtualAlloc(page, page_size, MEM_RESERVE | MEM_COMMIT, wanted) == page) return 1;
  return find_late(table_of(), page) != 0 ? -1 : 0;
}

#define RIGHT 3
/* Until `name_fault`, the right that the access needs, and behind it a part of where it was made. */
static inline int code_of(const struct info *info, const void *context) {
  (void)context;
  return (int)(info->at << 2) | (info->access == ACCESS_WRITE ? PROT_WRITE : PROT_READ);
}

/* Finds out what kind of fault it is. The signal is 0 if the access is allowed now. */
static inline void name_fault(u64 page, int *signal, int *code) {
  struct area area;
  u32 needed = (*code & RIGHT) == PROT_WRITE ? WRITABLE : READABLE;
  *signal = SIGSEGV;
  if (!look(page, &area) || area.state == MEM_FREE) {
    *code = SEGV_MAPERR;
  } else if (is_there(&area) && (area.protection & needed) == 0) {
    *code = SEGV_ACCERR;
  } else {
    *signal = is_there(&area) && readable(page) ? 0 : SIGBUS;
    *code = BUS_ADRERR;
  }
}

/* Whether the fault will not come again, as the access is allowed now. */
static inline int is_mended(struct table *table, struct slot *slot, u64 page, int *signal, int *code) {
  int access = *code;
  name_fault(page, signal, code);
  if (*signal != 0) return 0;
  *signal = SIGBUS;
  return !is_repeated(table, slot, page, access, functions()->GetCurrentThreadId());
}

/* Whether a page that is no region's can be used now, as zeros were left there. */
static inline int is_left(u64 page, int signal, int code) {
  (void)code;
  return signal == 0 && is_zeros(page, 0);
}

static inline u32 this_thread(void) { return functions()->GetCurrentThreadId(); }

static inline int is_dead(u32 thread) {
  const struct functions *system = functions();
  u64 handle = system->OpenThread(SYNCHRONIZE, 0, thread);
  /* For any other reason, such as a lack of memory, nothing is known of the thread. */
  if (handle == 0) return system->GetLastError() == ERROR_INVALID_PARAMETER;
  int ended = system->WaitForSingleObject(handle, 0) == 0;
  system->CloseHandle(handle);
  return ended;
}

static inline void nap(void) { functions()->SwitchToThread(); }

/* Those of pages. A page that its object cannot give is told in another way, or under Wine in the same. */
static inline int is_fault(const struct info *info, const void *context) {
  (void)context;
  return (info->kind == EXCEPTION_ACCESS_VIOLATION || info->kind == EXCEPTION_IN_PAGE_ERROR) &&
         info->count >= 2;
}

/* Whether the region is being executed, and no page put there would help. */
static inline int is_fetch(const void *context, u64 address) {
  (void)context, (void)address;
  return 0;
}
