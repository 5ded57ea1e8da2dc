/* What the fault guard's handler asks of Linux: system calls, as a handler cannot rely on a library. */

#include "calls.h"
#include "table.h"

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

/* The descriptor of memory without a file. */
#define NO_FILE ((u64)-1)

/* Returns the address, or a negative error. */
static inline long map(u64 start, u64 length, u64 protection, u64 flags, u64 fd, u64 offset) {
  return call(SYS_mmap, start, length, protection, flags, fd, offset);
}

static inline void unmap(u64 start, u64 length) { call(SYS_munmap, start, length, 0, 0, 0, 0); }

static inline int protect(u64 start, u64 length, u64 protection) {
  return call(SYS_mprotect, start, length, protection, 0, 0, 0) == 0;
}

/* Maps at an address where nothing is. Returns 1; -1 if something is there; or 0. */
static inline int map_if_free(u64 page, u64 page_size, u64 protection, u64 flags) {
  long result = call(SYS_mmap, page, page_size, protection, flags | MAP_FIXED_NOREPLACE, -1, 0);
  if (result == -EEXIST) return -1;
  if (result == (long)page) return 1;
  if (result > 0) unmap(result, page_size); /* a kernel before 4.17 */
  return 0;
}

/* What a late access gets. */
#define LATE_PAGE_SIZE(table) ((table)->page_size)

/* Where memory is that RLIMIT_DATA does not count. */
#define UNCOUNTED MAP_SHARED

/* Whether every object can be read without a mapping. */
#define READS_ANY 1

static inline int read_at(int fd, u64 to, u64 length, u64 offset) {
  return call(SYS_pread64, fd, to, length, offset, 0, 0) >= 0;
}

/* Moves a page over another one in one step. */
static inline int move(u64 from, u64 to, u64 page_size) {
  return call(SYS_mremap, from, page_size, page_size, MREMAP_MAYMOVE | MREMAP_FIXED, to, 0) ==
         (long)to;
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

/* The end of the pages that cannot be written to, from `page` on; of zeros alone, if they are asked
 * for. */
static inline u64 skip_forbidden(u64 page, u64 limit, u64 page_size, int zeros) {
  while (page < limit && !writable(page) && (!zeros || is_zeros(page, page_size))) page += page_size;
  return page;
}

/* Whether the fault will not come again, as the page can be used now. */
static inline int is_mended(struct table *table, struct slot *slot, u64 page, int *signal, int *code) {
  (void)table, (void)slot, (void)signal, (void)code;
  return writable(page);
}

/* Nothing is left to find out: the kernel has said what kind of fault it is. */
static inline void name_fault(u64 page, int *signal, int *code) {
  (void)page, (void)signal, (void)code;
}

/* Whether a page that is no region's can be used now. */
static inline int is_left(u64 page, int signal, int code) {
  int is_of_page = signal == SIGSEGV ? code == SEGV_ACCERR || code == SEGV_MAPERR : code == BUS_ADRERR;
  return is_of_page && writable(page);
}

static inline u32 this_thread(void) { return call(SYS_gettid, 0, 0, 0, 0, 0, 0); }

static inline int is_dead(u32 thread) {
  u64 process = call(SYS_getpid, 0, 0, 0, 0, 0, 0);
  return call(SYS_tgkill, process, thread, 0, 0, 0, 0) == -ESRCH;
}

static inline void nap(void) {
  volatile u64 time[2] = {0, NAP_NANOSECONDS}; /* or it would be data */
  call(SYS_nanosleep, (u64)time, 0, 0, 0, 0, 0);
}

/* To this thread. */
static inline void send_again(int signal) {
  u64 process = call(SYS_getpid, 0, 0, 0, 0, 0, 0);
  u64 thread = call(SYS_gettid, 0, 0, 0, 0, 0, 0);
  call(SYS_tgkill, process, thread, signal, 0, 0, 0);
}

static inline void set_default(int signal) {
  u64 action[4] = {0, 0, 0, 0};
  call(SYS_rt_sigaction, signal, (u64)action, 0, 8, 0, 0);
}

static inline int has_default(int signal) {
  u64 action[4] = {1, 0, 0, 0};
  call(SYS_rt_sigaction, signal, 0, (u64)action, 8, 0, 0);
  return action[0] == 0;
}

/* A code of 0 or less means that a process sent the signal. */
static inline int is_sent(const struct info *info, const void *context) {
  (void)context;
  return info->code <= 0;
}

static inline int is_fault(const struct info *info, const void *context) {
  return !is_sent(info, context);
}

static inline int code_of(const struct info *info, const void *context) {
  (void)context;
  return info->code;
}

/* Whether the fault is an instruction fetch: the region is being executed, and no page put there
 * would help. */
static inline int is_fetch(const void *context, u64 address) {
  if (*(const u64 *)((const char *)context + PC_OFFSET) == address) return 1;
#if defined(__x86_64__) /* where one can begin on a page that is there and end on the next one */
  return (*(const u64 *)((const char *)context + ERROR_OFFSET) & ERROR_FETCH) != 0;
#else
  return 0;
#endif
}

/* System calls leave errno alone. */
static inline int keep_errno(void) { return 0; }

static inline void restore_errno(int kept) { (void)kept; }
