/*
 * The fault guard's signal handler: freestanding, position-independent, without data of its own.
 *
 * It is compiled ahead, stored as bytes in code.ts, code_darwin.ts and code_windows.ts, and copied to an
 * executable page; the table lies TABLE_OFFSET bytes behind its first byte. The layout of the table stands in table.h,
 * and in layout.ts, which must agree with it. The handler runs on any thread at any moment, so
 * everything in the table that changes is accessed atomically.
 *
 * What differs between systems stands in linux.h, darwin.h and windows.h, which define the same functions.
 * A fault has Linux's names here: SIGSEGV with SEGV_ACCERR is a page that forbids the access, SIGSEGV with
 * SEGV_MAPERR is an address where nothing is mapped, and SIGBUS is a page that its object cannot give.
 */

#if defined(DARWIN)
#include "darwin.h"
#elif defined(WINDOWS)
#include "windows.h"
#else
#include "linux.h"
#endif

#define TABLE_OFFSET 65536
/* The first bytes of the block: other isolates recognise the installed handler by them. The second
 * word is the version of the table's layout. */
__attribute__((section(".text.a"), used, aligned(64), visibility("hidden")))
const u64 guard_signature[8] = {0x31444155475f4d4dUL /* "MM_GUAD1" */, 3, TABLE_OFFSET};

/* Maps memory without a file at [start, end). */
static inline int put(u64 start, u64 end, u64 protection, u64 flags) {
  long result = map(start, end - start, protection, flags | MAP_FIXED | MAP_ANONYMOUS, NO_FILE, 0);
  return result == (long)start;
}

/* Maps writable zeros at [start, end). RLIMIT_DATA counts private memory of that kind, and may be
 * exhausted; it does not count shared mappings. */
static inline int put_zeros(struct slot *slot, u64 start, u64 end) {
  if (put(start, end, PROT_READ_WRITE, MAP_PRIVATE)) return 1;
  __atomic_or_fetch(&slot->losses, LOSS_ANYWHERE, __ATOMIC_SEQ_CST);
  return put(start, end, PROT_READ_WRITE, MAP_SHARED | MAP_NORESERVE);
}

/* The table lies behind the code. */
static inline struct table *table_of(void) {
  return (struct table *)((u64)guard_signature + TABLE_OFFSET);
}

static inline u64 page_of(const struct table *table, u64 address) {
  return address & ~(table->page_size - 1);
}

static inline u64 file_offset(const struct slot *slot, u64 address) {
  return slot->file_offset + (address - slot->start);
}

/* Maps a private copy of the file's content at [start, end). */
static inline int put_copy(const struct slot *slot, u64 start, u64 end) {
  long result = map(start, end - start, PROT_READ_WRITE, MAP_PRIVATE | MAP_FIXED,
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

/* Replaces a page by memory that RLIMIT_DATA does not count, with the same content; for a shared
 * mapping, with the object's content. The new page is filled elsewhere first, since other threads may
 * read the old one. */
static inline int put_uncounted_copy(struct slot *slot, u64 page, u64 page_size, int shared) {
  __atomic_or_fetch(&slot->losses, LOSS_ANYWHERE, __ATOMIC_SEQ_CST);
  long copy = map(0, page_size, PROT_READ_WRITE, UNCOUNTED | MAP_ANONYMOUS | MAP_NORESERVE, NO_FILE, 0);
  if (copy < 0) return 0;
  int filled;
  if (shared && READS_ANY) {
    filled = read_at(slot->fd, copy, page_size, file_offset(slot, page));
  } else {
    filled = protect(page, page_size, PROT_READ) && readable(page);
    for (u64 i = 0; filled && i < page_size; i += sizeof(u64)) {
      *(volatile u64 *)(copy + i) = *(volatile u64 *)(page + i);
    }
  }
  if (filled && move(copy, page, page_size)) return 1;
  unmap(copy, page_size);
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
  end = skip_forbidden(end, limit, page_size, 0);
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
  if (private) {
    while (end < limit) end += page_size;
  } else {
    end = skip_forbidden(end, limit, page_size, 1);
  }
  if (protect(page, end - page, PROT_READ_WRITE) ||
      put_uncounted_copy(slot, page, page_size, 0)) return 1;
  if (!private) return copy_all(table, slot);
  return protect(slot->start, slot->end - slot->start, PROT_READ_WRITE);
}

static inline int absorb_alone(struct table *table, struct slot *slot, int signal, int code,
                               u64 address) {
  u64 page_size = slot->page_size;
  u64 page = address & ~(page_size - 1);
  int done;
  /* Another thread has met the same page and may have written to it since. */
  if (is_mended(table, slot, page, &signal, &code)) return 1;
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
  u32 self = this_thread();
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
    if (*entry != 0) unmap(*entry, page_size);
    *entry = 0;
  }
  int result = map_if_free(page, page_size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);
  /* The address is in use again, or another thread was quicker: the access is repeated. */
  if (result < 0) return 1;
  if (result == 0) return 0;
  if (*entry == 0) table->late_next++;
  *entry = page;
  return 1;
}

/* A write gets a page of its own. RLIMIT_DATA does not count shared memory, but it counts private
 * memory. */
static inline int open_late(u64 page, u64 page_size) {
  u64 flags = MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
  return protect(page, page_size, PROT_READ_WRITE) ||
         map(page, page_size, PROT_READ_WRITE, flags, NO_FILE, 0) == (long)page;
}

/* An access to closed memory. Its addresses are given to nobody else, and it meets zeros there. */
static inline int absorb_late(struct table *table, int signal, int code, u64 address) {
  u64 page_size = LATE_PAGE_SIZE(table);
  u64 page = address & ~(page_size - 1);
  u32 holder = 0;
  if (signal != SIGSEGV || table->first_address == 0 || address < table->first_address ||
      address >= __atomic_load_n(&table->given_end, __ATOMIC_SEQ_CST)) return 0;
  u32 self = this_thread();
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

/* Whether a fault is absorbed: then the access is made again. */
static inline int is_absorbed(struct table *table, int signal, const struct info *info,
                              const void *context) {
  int kind = signal, code = code_of(info, context);
  int done = absorb(table, kind, code, info->address);
  if (!done) name_fault(page_of(table, info->address), &kind, &code);
  done = done || absorb_late(table, kind, code, info->address);
  /* The address belonged to a region that was closed a moment ago, which left zeros for late
   * accesses. */
  return done || is_left(page_of(table, info->address), kind, code);
}

#if defined(WINDOWS)

/* Called for every exception of the process, on the thread that has it. */
__attribute__((section(".text.b"), used, aligned(64)))
long guard_handler(struct exception *exception) {
  const struct info *info = exception->info;
  if (!is_fault(info, exception->context) || info->access == ACCESS_EXECUTE) {
    return EXCEPTION_CONTINUE_SEARCH;
  }
  int errno = keep_errno();
  int done = is_absorbed(table_of(), SIGSEGV, info, exception->context);
  restore_errno(errno);
  return done ? EXCEPTION_CONTINUE_EXECUTION : EXCEPTION_CONTINUE_SEARCH;
}

#else

/* The kernel's default: for a fault, by returning to the instruction, which faults again; for a
 * signal that somebody sent, by sending it again. */
static inline void take_default(int signal, int sent) {
  set_default(signal);
  if (sent) send_again(signal);
}

/* Calls the previous handler, as if there were no guard. Deno's own handler treats every signal as
 * a fault: it restores the default and returns. After a signal that a process sent, this one would
 * go on without a guard; so the signal is sent again. */
static inline void pass_on(struct table *table, int signal, struct info *info, void *context) {
  struct action *previous = &table->previous[signal == SIGSEGV];
  u64 handler = previous->handler;
  if (handler == SIG_IGN && is_sent(info, context)) return;
  if (handler <= SIG_IGN) {
    take_default(signal, is_sent(info, context));
    return;
  }
  if (previous->flags & SA_SIGINFO) {
    ((void (*)(int, struct info *, void *))handler)(signal, info, context);
  } else {
    ((void (*)(int))handler)(signal);
  }
  if (is_sent(info, context) && has_default(signal)) send_again(signal);
}

__attribute__((section(".text.b"), used, aligned(64)))
void guard_handler(int signal, struct info *info, void *context) {
  struct table *table = table_of();
  int errno = keep_errno();
  if (is_fault(info, context) && !is_fetch(context, info->address)) {
    int done = is_absorbed(table, signal, info, context);
    restore_errno(errno);
    if (done) return;
  }
  pass_on(table, signal, info, context);
}

#endif
