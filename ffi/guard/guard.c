/*
 * The fault guard's signal handler: freestanding, position-independent, without data of its own.
 *
 * It is compiled ahead, stored as bytes in code.ts, and copied to an executable page; the table lies
 * TABLE_OFFSET bytes behind its first byte. The layout of the table stands in table.h, and in layout.ts,
 * which must agree with it. The handler runs on any thread at any moment, so everything in the
 * table that changes is accessed atomically.
 */

#include "calls.h"
#include "table.h"

#define TABLE_OFFSET 65536
#define SIGBUS 7
#define SIGSEGV 11
#define SEGV_MAPERR 1
#define SEGV_ACCERR 2
#define BUS_ADRERR 2
#define BUS_MCEERR_AR 4
#define SIG_IGN 1
#define SA_SIGINFO 4
#define PROT_READ 1
#define PROT_READ_WRITE 3
#define MAP_SHARED 0x01
#define MAP_PRIVATE 0x02
#define MAP_FIXED 0x10
#define MAP_ANONYMOUS 0x20
#define MAP_NORESERVE 0x4000
#define MAP_FIXED_NOREPLACE 0x100000
#define EEXIST 17
#define ESRCH 3
#define EFAULT 14
#define EINVAL 22
#define MREMAP_MAYMOVE 1
#define MREMAP_FIXED 2
#define MADV_WIPEONFORK 18
#define MADV_KEEPONFORK 19
#define FUTEX_CMP_REQUEUE_PRIVATE (4 | 128)
#define FUTEX_WAKE_OP_PRIVATE (5 | 128)
#define FUTEX_ADD_NOTHING (1 << 28) /* FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_EQ, 0) */
#define NAP_NANOSECONDS 20000

#if defined(__x86_64__)
#define PC_OFFSET 168 /* uc_mcontext.gregs[REG_RIP] in ucontext_t */
#define ERROR_OFFSET 192 /* uc_mcontext.gregs[REG_ERR] */
#define ERROR_FETCH 16
#else
#define PC_OFFSET 440 /* uc_mcontext.pc in ucontext_t */
#endif

struct info { /* siginfo_t */
  int signal, error, code, padding;
  u64 address;
};

/* The first bytes of the block: other isolates recognise the installed handler by them. The second
 * word is the version of the table's layout. */
__attribute__((section(".text.a"), used, aligned(64), visibility("hidden")))
const u64 guard_signature[8] = {0x31444155475f4d4dUL /* "MM_GUAD1" */, 3, TABLE_OFFSET};

/* Maps memory without a file at [start, end). */
static inline int put(u64 start, u64 end, u64 protection, u64 flags) {
  long result = call(SYS_mmap, start, end - start, protection, flags | MAP_FIXED | MAP_ANONYMOUS,
                     -1, 0);
  return result == (long)start;
}

/* Maps writable zeros at [start, end). RLIMIT_DATA counts private memory of that kind, and may be
 * exhausted; it does not count shared mappings. */
static inline int put_zeros(struct slot *slot, u64 start, u64 end) {
  if (put(start, end, PROT_READ_WRITE, MAP_PRIVATE)) return 1;
  __atomic_or_fetch(&slot->losses, LOSS_ANYWHERE, __ATOMIC_SEQ_CST);
  return put(start, end, PROT_READ_WRITE, MAP_SHARED | MAP_NORESERVE);
}

static inline u64 file_offset(const struct slot *slot, u64 address) {
  return slot->file_offset + (address - slot->start);
}

/* Maps a private copy of the file's content at [start, end). */
static inline int put_copy(const struct slot *slot, u64 start, u64 end) {
  long result = call(SYS_mmap, start, end - start, PROT_READ_WRITE, MAP_PRIVATE | MAP_FIXED,
                     (u64)(long)slot->fd, file_offset(slot, start));
  return result == (long)start;
}

/* How far a replacement that begins at `page` extends: one page at first, and twice as far after
 * every 2^`patience` faults. Each replacement splits mappings, and V8 ends the process when the
 * system's limit of mappings is reached. */
static inline u64 reach(const struct slot *slot, u64 page, u64 page_size, int patience) {
  u64 doublings = __atomic_load_n(&slot->faults, __ATOMIC_SEQ_CST) >> patience;
  u64 end = page + (page_size << (doublings < 16 ? doublings : 16));
  return end < slot->end ? end : slot->end;
}

/* Whether a page can be read. The kernel compares its first word, and returns EFAULT where this
 * thread would get a signal. */
static inline int readable(u64 page) {
  u32 nobody = 0;
  return call(SYS_futex, page, FUTEX_CMP_REQUEUE_PRIVATE, 0, 0, (u64)&nobody, 0) != -EFAULT;
}

/* Whether a page can be written to. The kernel adds 0 to its first word atomically, and returns
 * EFAULT where this thread would get a signal. */
static inline int writable(u64 page) {
  u32 nobody = 0;
  return call(SYS_futex, (u64)&nobody, FUTEX_WAKE_OP_PRIVATE, 0, 0, page, FUTEX_ADD_NOTHING) >= 0;
}

/* Whether a shared mapping is there: the kernel duplicates only shared ones. This call never
 * duplicates anything, since it does not allow moving. */
static inline int is_shared(u64 page, u64 page_size) {
  long refusal = call(SYS_mremap, page, 0, page_size, 0, 0, 0);
  return refusal != -EINVAL && refusal != -EFAULT;
}

/* Whether zeros of this handler are there, which are private memory without a file: only such
 * memory accepts MADV_WIPEONFORK. The advice is undone at once, or the kernel could not merge
 * neighbouring mappings. */
static inline int is_zeros(u64 page, u64 page_size) {
  if (is_shared(page, page_size)) return 0;
  if (call(SYS_madvise, page, page_size, MADV_WIPEONFORK, 0, 0, 0) != 0) return 0;
  call(SYS_madvise, page, page_size, MADV_KEEPONFORK, 0, 0, 0);
  return 1;
}

/* Replaces a page by memory that RLIMIT_DATA does not count, with the same content; for a shared
 * mapping, with the file's content. The new page is filled elsewhere first, since other threads may
 * read the old one. */
static inline int put_uncounted_copy(struct slot *slot, u64 page, u64 page_size, int shared) {
  __atomic_or_fetch(&slot->losses, LOSS_ANYWHERE, __ATOMIC_SEQ_CST);
  long copy = call(SYS_mmap, 0, page_size, PROT_READ_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (copy < 0) return 0;
  int filled;
  if (shared) {
    filled = call(SYS_pread64, slot->fd, copy, page_size, file_offset(slot, page), 0, 0) >= 0;
  } else {
    filled = call(SYS_mprotect, page, page_size, PROT_READ, 0, 0, 0) == 0 && readable(page);
    for (u64 i = 0; filled && i < page_size; i += sizeof(u64)) {
      *(volatile u64 *)(copy + i) = *(volatile u64 *)(page + i);
    }
  }
  if (filled && call(SYS_mremap, copy, page_size, page_size, MREMAP_MAYMOVE | MREMAP_FIXED, page,
                     0) == (long)page) return 1;
  call(SYS_munmap, copy, page_size, 0, 0, 0, 0);
  return 0;
}

static inline void begin_loss(struct table *table, struct slot *slot, u64 kind) {
  __atomic_or_fetch(&slot->losses, kind, __ATOMIC_SEQ_CST);
  __atomic_add_fetch(&slot->losses, LOSS, __ATOMIC_SEQ_CST);
  __atomic_add_fetch(&table->losses_begun, 1, __ATOMIC_SEQ_CST);
}

static inline void end_loss(struct table *table) {
  __atomic_add_fetch(&table->losses_done, 1, __ATOMIC_SEQ_CST);
}

/* All of the range becomes a copy, so all of it counts as lost, not only the page of a stray
 * write. */
static inline int copy_all(struct table *table, struct slot *slot) {
  begin_loss(table, slot, LOSS_ANYWHERE);
  int done = put_copy(slot, slot->start, slot->end);
  end_loss(table);
  return done;
}

/* A page of a shared mapping becomes a private copy of itself. The pages after it may too, if they
 * cannot be written to either: a writable page is the file's, or a copy that holds changes
 * already. */
static inline int absorb_by_copy(struct table *table, struct slot *slot, u64 page, u64 page_size) {
  u64 end = page + page_size;
  u64 limit = reach(slot, page, page_size, 10);
  while (end < limit && !writable(end)) end += page_size;
  return put_copy(slot, page, end) || put_uncounted_copy(slot, page, page_size, 1) ||
         copy_all(table, slot);
}

/* A missing page becomes a zero page; missing pages after it may be read as zeros from now on. (Not
 * where the addresses are V8's: see absorb_alone.) A page that can be read but not written, because
 * the disk is full, becomes a copy of itself. If the system's limit of mappings is reached, a
 * single page cannot be cut out: then everything after it is replaced, or all of the range. */
static inline int absorb_missing(struct table *table, struct slot *slot, int code, u64 page,
                                 u64 page_size) {
  int there = readable(page);
  if (there && slot->fd >= 0 && code == BUS_ADRERR && !is_zeros(page, page_size)) {
    __atomic_or_fetch(&slot->losses, LOSS_COPIED, __ATOMIC_SEQ_CST);
    if (absorb_by_copy(table, slot, page, page_size)) return 1;
  }
  u64 next = page + page_size;
  if (!put_zeros(slot, page, next) && !put_zeros(slot, page, slot->end) &&
      !put_zeros(slot, slot->start, slot->end)) return 0;
  u64 end = next;
  u64 limit = !there && code == BUS_ADRERR ? reach(slot, page, page_size, 6) : next;
  while (end < limit && !readable(end)) end += page_size;
  if (end > next) put(next, end, slot->borrowed ? PROT_READ_WRITE : PROT_READ, MAP_PRIVATE);
  return 1;
}

/* As `absorb_missing`, and counts the loss twice: before, so that nobody mistakes the new page for
 * the object's, and after, so that a thread that looked in between looks again. */
static inline int lose(struct table *table, struct slot *slot, int code, u64 page, u64 page_size) {
  begin_loss(table, slot, 0);
  int done = absorb_missing(table, slot, code, page, page_size);
  end_loss(table);
  return done;
}

/* A page that forbids this access becomes a copy of itself. Private memory is a copy already and
 * only gets its rights back; so do zeros that were put here before. */
static inline int absorb_forbidden(struct table *table, struct slot *slot, u64 page,
                                   u64 page_size) {
  int private = slot->fd < 0;
  if (!private && !is_zeros(page, page_size)) return absorb_by_copy(table, slot, page, page_size);
  u64 end = page + page_size;
  u64 limit = reach(slot, page, page_size, 10);
  while (end < limit && (private || (!writable(end) && is_zeros(end, page_size)))) end += page_size;
  if (call(SYS_mprotect, page, end - page, PROT_READ_WRITE, 0, 0, 0) == 0 ||
      put_uncounted_copy(slot, page, page_size, 0)) return 1;
  if (!private) return copy_all(table, slot);
  return call(SYS_mprotect, slot->start, slot->end - slot->start, PROT_READ_WRITE, 0, 0, 0) == 0;
}

static inline int is_dead(u32 thread) {
  u64 process = call(SYS_getpid, 0, 0, 0, 0, 0, 0);
  return call(SYS_tgkill, process, thread, 0, 0, 0, 0) == -ESRCH;
}

static inline void nap(void) {
  volatile u64 time[2] = {0, NAP_NANOSECONDS}; /* or it would be data */
  call(SYS_nanosleep, (u64)time, 0, 0, 0, 0, 0);
}

static inline int absorb_alone(struct table *table, struct slot *slot, int signal, int code,
                               u64 address) {
  u64 page_size = slot->page_size;
  u64 page = address & ~(page_size - 1);
  int done;
  /* Another thread has met the same page and may have written to it since. */
  if (writable(page)) return 1;
  /* A terminated Worker may have left its slot, and V8 may have reused the addresses: such memory
   * is private. (With SIGBUS it belongs to a file: perhaps a copy that was made here before.) */
  if (slot->borrowed && signal == SIGSEGV && !is_shared(page, page_size)) return 0;
  if (signal == SIGSEGV && code == SEGV_ACCERR) {
    done = absorb_forbidden(table, slot, page, page_size);
  } else if (signal == SIGBUS && (code == BUS_ADRERR || code == BUS_MCEERR_AR)) {
    done = lose(table, slot, code, page, page_size);
  } else if (signal == SIGSEGV && code == SEGV_MAPERR) {
    done = lose(table, slot, 0, page, page_size);
  } else {
    return 0;
  }
  if (done) {
    u64 none = 0;
    __atomic_compare_exchange_n(&slot->first_fault, &none, address - slot->start + 1, 0,
                                __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&slot->faults, 1, __ATOMIC_SEQ_CST);
  }
  return done;
}

/* One thread at a time changes the mappings of a range. A page that another thread has put there
 * since the fault must not be replaced again, or what was written to it would be lost. The second
 * thread does not wait here: it returns, and faults again if the page is still missing. */
static inline int absorb_in(struct table *table, struct slot *slot, int signal, int code,
                            u64 address) {
  u32 self = call(SYS_gettid, 0, 0, 0, 0, 0, 0);
  u32 holder = 0;
  int taken = __atomic_compare_exchange_n(&slot->absorber, &holder, self, 0, __ATOMIC_SEQ_CST,
                                          __ATOMIC_SEQ_CST);
  /* A Worker may be terminated while it heals its region. */
  if (!taken && holder != self && is_dead(holder)) {
    taken = __atomic_compare_exchange_n(&slot->absorber, &holder, self, 0, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST);
  }
  /* The holder is this thread: a signal handler has interrupted this one, and has met a fault
   * itself. */
  if (!taken && holder != self) {
    nap();
    return 1;
  }
  int done = absorb_alone(table, slot, signal, code, address);
  if (taken) __atomic_store_n(&slot->absorber, 0, __ATOMIC_SEQ_CST); /* pairs with the exchange */
  return done;
}

/* Looks the address up; the slot that holds it absorbs the fault. */
static inline int absorb(struct table *table, int signal, int code, u64 address) {
  u32 used = __atomic_load_n(&table->used, __ATOMIC_SEQ_CST);
  for (u32 i = 0; i < used; i++) {
    struct slot *slot = &table->slots[i];
    u64 start = __atomic_load_n(&slot->start, __ATOMIC_SEQ_CST);
    if (start == 0 || address < start || address >= slot->end) continue;
    /* The owner that frees the slot clears `start` and then waits for `busy`. This is the opposite
     * order, so that one of the two sees the other. */
    __atomic_add_fetch(&slot->busy, 1, __ATOMIC_SEQ_CST);
    int done = __atomic_load_n(&slot->start, __ATOMIC_SEQ_CST) == start && address < slot->end &&
               absorb_in(table, slot, signal, code, address);
    __atomic_sub_fetch(&slot->busy, 1, __ATOMIC_SEQ_CST);
    if (done) return 1;
  }
  return 0;
}

static inline u64 *find_late(struct table *table, u64 page) {
  for (u32 i = 0; i < LATE_PAGES; i++) {
    if (table->late_pages[i] == page) return &table->late_pages[i];
  }
  return 0;
}

/* Maps zeros where nothing is mapped any more, read-only at first, which take no memory. The oldest
 * such page is removed, so that a late writer cannot fill the memory. */
static inline int put_late(struct table *table, u64 page, u64 page_size) {
  u64 *entry = find_late(table, page);
  if (entry == 0) {
    entry = &table->late_pages[table->late_next % LATE_PAGES];
    if (*entry != 0) call(SYS_munmap, *entry, page_size, 0, 0, 0, 0);
    *entry = 0;
  }
  u64 flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
  long result = call(SYS_mmap, page, page_size, PROT_READ, flags, -1, 0);
  /* The address is in use again, or another thread was quicker: the access is repeated. */
  if (result == -EEXIST) return 1;
  if (result != (long)page) {
    if (result > 0) call(SYS_munmap, result, page_size, 0, 0, 0, 0); /* a kernel before 4.17 */
    return 0;
  }
  if (*entry == 0) table->late_next++;
  *entry = page;
  return 1;
}

/* A write gets a page of its own. RLIMIT_DATA does not count shared memory, but it counts private
 * memory. */
static inline int open_late(u64 page, u64 page_size) {
  u64 flags = MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
  return call(SYS_mprotect, page, page_size, PROT_READ_WRITE, 0, 0, 0) == 0 ||
         call(SYS_mmap, page, page_size, PROT_READ_WRITE, flags, -1, 0) == (long)page;
}

/* An access to closed memory. Its addresses are given to nobody else, and it meets zeros there. */
static inline int absorb_late(struct table *table, int signal, int code, u64 address) {
  u64 page_size = table->page_size;
  u64 page = address & ~(page_size - 1);
  u32 holder = 0;
  if (signal != SIGSEGV || table->first_address == 0 || address < table->first_address ||
      address >= __atomic_load_n(&table->given_end, __ATOMIC_SEQ_CST)) return 0;
  u32 self = call(SYS_gettid, 0, 0, 0, 0, 0, 0);
  /* A handler always runs to its end, so the lock is released soon. Pairs with the store below. */
  int taken = __atomic_compare_exchange_n(&table->late_lock, &holder, self, 0, __ATOMIC_SEQ_CST,
                                          __ATOMIC_SEQ_CST);
  if (!taken && holder != self) {
    nap();
    return 1;
  }
  int done = 0;
  if (code == SEGV_MAPERR) {
    done = put_late(table, page, page_size);
  } else if (code == SEGV_ACCERR && find_late(table, page) != 0) {
    done = open_late(page, page_size);
  }
  if (done) __atomic_add_fetch(&table->late, 1, __ATOMIC_SEQ_CST);
  if (taken) __atomic_store_n(&table->late_lock, 0, __ATOMIC_SEQ_CST);
  return done;
}

static inline int is_of_page(int signal, int code) {
  return signal == SIGSEGV ? code == SEGV_ACCERR || code == SEGV_MAPERR : code == BUS_ADRERR;
}

static inline void send_again(int signal) {
  u64 process = call(SYS_getpid, 0, 0, 0, 0, 0, 0);
  u64 thread = call(SYS_gettid, 0, 0, 0, 0, 0, 0);
  call(SYS_tgkill, process, thread, signal, 0, 0, 0);
}

/* The kernel's default: for a fault, by returning to the instruction, which faults again; for a
 * signal that somebody sent, by sending it again. */
static inline void take_default(int signal, int code) {
  u64 action[4] = {0, 0, 0, 0};
  call(SYS_rt_sigaction, signal, (u64)action, 0, 8, 0, 0);
  if (code <= 0) send_again(signal);
}

/* Calls the previous handler, as if there were no guard. Deno's own handler treats every signal as
 * a fault: it restores the default and returns. After a signal that a process sent, this one would
 * go on without a guard; so the signal is sent again. */
static inline void pass_on(struct table *table, int signal, struct info *info, void *context) {
  struct action *previous = &table->previous[signal == SIGSEGV];
  u64 handler = previous->handler;
  u64 action[4] = {1, 0, 0, 0};
  if (handler == SIG_IGN && info->code <= 0) return;
  if (handler <= SIG_IGN) {
    take_default(signal, info->code);
    return;
  }
  if (previous->flags & SA_SIGINFO) {
    ((void (*)(int, struct info *, void *))handler)(signal, info, context);
  } else {
    ((void (*)(int))handler)(signal);
  }
  if (info->code > 0) return;
  call(SYS_rt_sigaction, signal, 0, (u64)action, 8, 0, 0);
  if (action[0] == 0) send_again(signal);
}

/* Whether the fault is an instruction fetch: the region is being executed, and no page put there
 * would help. */
static inline int is_fetch(void *context, u64 address) {
  if (*(u64 *)((char *)context + PC_OFFSET) == address) return 1;
#if defined(__x86_64__) /* where one can begin on a page that is there and end on the next one */
  return (*(u64 *)((char *)context + ERROR_OFFSET) & ERROR_FETCH) != 0;
#else
  return 0;
#endif
}

__attribute__((section(".text.b"), used, aligned(64)))
void guard_handler(int signal, struct info *info, void *context) {
  struct table *table = (struct table *)((u64)guard_signature + TABLE_OFFSET);
  /* A code of 0 or less means that a process sent the signal. */
  if (info->code > 0 && !is_fetch(context, info->address)) {
    if (absorb(table, signal, info->code, info->address)) return;
    if (absorb_late(table, signal, info->code, info->address)) return;
    /* The address belonged to a region that was closed a moment ago, which left zeros for late
     * accesses. */
    if (is_of_page(signal, info->code) && writable(info->address & ~(table->page_size - 1))) return;
  }
  pass_on(table, signal, info, context);
}
