/*
 * What the fault guard's handler asks of macOS. There the numbers of system calls are no promise, so it
 * calls functions of libSystem: guard.ts puts their addresses FUNCTIONS_OFFSET bytes behind the first
 * byte of the code, where nobody can write any more once the code can be run. Those that are here may
 * be called in a handler: they are bare calls, or read what belongs to the thread.
 *
 * The layouts, numbers and rules are those of Apple's published sources (xnu 11417): bsd/sys/signal.h,
 * bsd/dev/arm/unix_signal.c, bsd/dev/i386/unix_signal.c, bsd/uxkern/ux_exception.c, bsd/sys/proc_info.h.
 * Nothing here has run on a Mac.
 */

typedef unsigned long u64;
typedef unsigned int u32;
typedef unsigned short u16;

#include "table.h"
#include "repeated.h"

#define FUNCTIONS_OFFSET 8192
/* guard.c's own names of faults; SIGBUS and SIGSEGV are the signals' numbers, too. */
#define SIGBUS 10
#define SIGSEGV 11
#define SEGV_MAPERR 1
#define SEGV_ACCERR 2
#define BUS_ADRERR 2
#define BUS_MCEERR_AR 4 /* no such thing */
#define SIG_IGN 1
#define SA_SIGINFO 0x40
#define PROT_READ 1
#define PROT_WRITE 2
#define PROT_READ_WRITE 3
#define MAP_SHARED 0x0001
#define MAP_PRIVATE 0x0002
#define MAP_FIXED 0x0010
#define MAP_NORESERVE 0x0040
#define MAP_ANONYMOUS 0x1000
#define ESRCH 3
#define EFAULT 14
#define VM_FLAGS_FIXED 0
#define VM_FLAGS_OVERWRITE 0x4000
#define VM_INHERIT_SHARE 0
#define VM_INHERIT_COPY 1
#define PROC_PIDREGIONINFO 7
#define PROC_PIDLISTTHREADIDS 28
#define MOST_THREADS 512
#define UL_COMPARE_AND_WAIT 1
#define ULF_NO_ERRNO 0x1000000
#define NAP_MICROSECONDS 20

/* The tag of memory that stands in the place of an object's: one that is left to programs. layout.ts
 * has it too. VM_MAKE_TAG puts it where `mmap` expects a descriptor. */
#define ZEROS_TAG 244
#define NO_FILE ((u64)ZEROS_TAG << 24)

struct functions {
  int *(*error)(void);
  u64 (*mmap)(u64 address, u64 length, int protection, int flags, int fd, u64 offset);
  int (*munmap)(u64 address, u64 length);
  int (*mprotect)(u64 address, u64 length, int protection);
  int (*sigprocmask)(int how, u64 set, u64 old);
  int (*sigaction)(int signal, const void *action, void *old);
  int (*raise)(int signal);
  int (*getpid)(void);
  int (*pthread_threadid_np)(u64 thread, u64 *number);
  int (*proc_pidinfo)(int pid, int flavor, u64 argument, void *buffer, int size);
  int (*ulock_wait)(u32 operation, u32 *address, u64 value, u32 microseconds);
  u32 (*mach_task_self)(void);
  int (*mach_vm_remap)(u32 target, u64 *address, u64 size, u64 mask, int flags, u32 source_task,
                       u64 source, int copy, int *protection, int *most_protection, u32 inheritance);
};

extern const u64 guard_signature[8];

static inline const struct functions *functions(void) {
  return (const struct functions *)((u64)guard_signature + FUNCTIONS_OFFSET);
}

struct info { /* siginfo_t */
  int signal, error, code, pid;
  u32 user;
  int status;
  u64 address;
};

struct state { /* struct mcontext64: the exception, and the registers up to the program counter */
#if defined(__x86_64__)
  u16 trap, processor;
  u32 error;
  u64 fault_address, registers[16], pc; /* rax to r15, rip */
#else
  u64 fault_address;
  u32 syndrome, exception;
  u64 registers[32], pc; /* x0 to x28, fp, lr, sp, pc */
#endif
};

struct context { /* ucontext_t */
  int on_stack;
  u32 mask;
  u64 stack[3];
  struct context *link;
  u64 size;
  struct state *state;
};

_Static_assert(__builtin_offsetof(struct info, address) == 24, "siginfo_t");
_Static_assert(__builtin_offsetof(struct context, state) == 48, "ucontext_t");
#if defined(__x86_64__)
_Static_assert(__builtin_offsetof(struct state, pc) == 144, "mcontext64");
#else
_Static_assert(__builtin_offsetof(struct state, pc) == 272, "mcontext64");
#endif

/* What the processor tells of an exception. */
#if defined(__x86_64__)
#define T_PAGE_FAULT 14
#define EXCEPTIONS 32 /* numbers from there on are interrupts and system calls */
static inline int is_page_fault(const struct state *state) { return state->trap == T_PAGE_FAULT; }
static inline int is_interrupted(const struct state *state) { return state->trap >= EXCEPTIONS; }
static inline int is_write(const struct state *state) { return (state->error & 2) != 0; }
static inline int is_execution(const struct state *state) { return (state->error & 16) != 0; }
#else
#define CLASS(state) ((state)->syndrome >> 26)
#define INSTRUCTION_ABORT 0x20
#define DATA_ABORT 0x24
#define SYSTEM_CALL 0x15
static inline int is_execution(const struct state *state) { return CLASS(state) == INSTRUCTION_ABORT; }
static inline int is_page_fault(const struct state *state) {
  return CLASS(state) == DATA_ABORT || is_execution(state);
}
static inline int is_interrupted(const struct state *state) { return CLASS(state) == SYSTEM_CALL; }
static inline int is_write(const struct state *state) { return (state->syndrome >> 6 & 1) != 0; }
#endif

static inline int keep_errno(void) { return *functions()->error(); }

static inline void restore_errno(int kept) { *functions()->error() = kept; }

/* Returns the address, or a negative error. */
static inline long map(u64 start, u64 length, u64 protection, u64 flags, u64 fd, u64 offset) {
  u64 result = functions()->mmap(start, length, protection, flags, fd, offset);
  return result == (u64)-1 ? -*functions()->error() : (long)result;
}

static inline void unmap(u64 start, u64 length) { functions()->munmap(start, length); }

static inline int protect(u64 start, u64 length, u64 protection) {
  return functions()->mprotect(start, length, protection) == 0;
}

/* What a late access gets. */
#define LATE_PAGE_SIZE(table) ((table)->page_size)

/* Nothing counts private memory as RLIMIT_DATA does on Linux: this is for objects that give no private
 * copy of themselves, as shared memory objects, which `pread` cannot read either. */
#define UNCOUNTED MAP_PRIVATE
#define READS_ANY 0

static inline int read_at(int fd, u64 to, u64 length, u64 offset) {
  (void)fd, (void)to, (void)length, (void)offset;
  return 0;
}

/* Puts a page in the place of another one in one step. For a moment it is at both addresses. */
static inline int move(u64 from, u64 to, u64 page_size) {
  const struct functions *system = functions();
  u32 task = system->mach_task_self();
  u64 address = to;
  int protection, most;
  if (system->mach_vm_remap(task, &address, page_size, 0, VM_FLAGS_FIXED | VM_FLAGS_OVERWRITE, task,
                            from, 0, &protection, &most, VM_INHERIT_COPY) != 0) return 0;
  unmap(from, page_size);
  return 1;
}

struct place { /* struct proc_regioninfo */
  u32 protection, most_protection, inheritance, flags;
  u64 offset;
  u32 behavior, wired, tag, counts[11];
  u64 address, size;
};
_Static_assert(sizeof(struct place) == 96 && __builtin_offsetof(struct place, tag) == 32, "");
_Static_assert(__builtin_offsetof(struct place, address) == 80, "struct proc_regioninfo");

/* What is mapped at an address. Returns 0 if nothing is. */
static inline int look(u64 address, struct place *place) {
  const struct functions *system = functions();
  int size = system->proc_pidinfo(system->getpid(), PROC_PIDREGIONINFO, address, place, sizeof(*place));
  return size == sizeof(*place) && place->address <= address;
}

/* Whether a page can be read. The kernel copies the set of signals before it looks at `how`, of which 0
 * is none, and so never changes anything. */
static inline int readable(u64 page) {
  functions()->sigprocmask(0, page, 0);
  return *functions()->error() != EFAULT;
}

/* Whether a shared mapping is there: `mmap` has children inherit those, and copies of all others. What
 * the kernel calls the share mode tells how many use the object. */
static inline int is_shared(u64 page, u64 page_size) {
  struct place place;
  (void)page_size;
  return look(page, &place) && place.inheritance == VM_INHERIT_SHARE;
}

/* Whether memory of this handler is there. */
static inline int is_zeros(u64 page, u64 page_size) {
  struct place place;
  (void)page_size;
  return look(page, &place) && place.tag == ZEROS_TAG;
}

/* The end of the pages that cannot be written to, from `page` on; of zeros alone, if they are asked
 * for. The kernel looks at each page of a mapping to tell of it, so it is asked once for each mapping. */
static inline u64 skip_forbidden(u64 page, u64 limit, u64 page_size, int zeros) {
  struct place place;
  (void)page_size;
  while (page < limit && look(page, &place)) {
    if ((place.protection & PROT_WRITE) != 0 || (zeros && place.tag != ZEROS_TAG)) return page;
    page = place.address + place.size;
  }
  return page < limit ? page : limit;
}

/* Signals do not say here what kind of fault it was, and those that a process has sent look as faults
 * do: `si_code` is the same, `si_pid` is 0. So the machine's state tells whether there was a fault, and
 * of what access; the mapping tells the rest. The state is that of the thread's last exception: a sent
 * signal that meets a running thread may find an old one. Such a fault lies where the access is allowed
 * by now, which is no reason to change anything. */
static inline const struct state *state_of(const void *context) {
  return ((const struct context *)context)->state;
}

static inline int is_sent(const struct info *info, const void *context) {
  (void)info;
  return is_interrupted(state_of(context));
}

static inline int is_fault(const struct info *info, const void *context) {
  (void)info;
  return is_page_fault(state_of(context));
}

/* Whether the fault is an instruction fetch: the region is being executed, and no page put there
 * would help. */
static inline int is_fetch(const void *context, u64 address) {
  return state_of(context)->pc == address || is_execution(state_of(context));
}

/* Until `name_fault`, the right that the access needs, and behind it a part of where it was made. */
#define RIGHT 3
static inline int code_of(const struct info *info, const void *context) {
  const struct state *state = state_of(context);
  (void)info;
  return (int)(state->pc << 2) | (is_write(state) ? PROT_WRITE : PROT_READ);
}

/* Finds out what kind of fault it is. The signal is 0 if the access is allowed now. */
static inline void name_fault(u64 page, int *signal, int *code) {
  struct place place;
  int right = *code & RIGHT;
  *signal = SIGSEGV;
  if (!look(page, &place)) {
    *code = SEGV_MAPERR;
  } else if ((place.protection & right) == 0) {
    *code = SEGV_ACCERR;
  } else {
    *signal = readable(page) ? 0 : SIGBUS;
    *code = BUS_ADRERR;
  }
}

/* Whether the fault will not come again, as the access is allowed now. */
static inline int is_mended(struct table *table, struct slot *slot, u64 page, int *signal, int *code) {
  int access = *code;
  u64 number = 0;
  functions()->pthread_threadid_np(0, &number);
  name_fault(page, signal, code);
  if (*signal != 0) return 0;
  *signal = SIGBUS;
  return !is_repeated(table, slot, page, access, number);
}

/* Whether a page that is no region's can be used now, as zeros were left there. */
static inline int is_left(u64 page, int signal, int code) {
  (void)code;
  return signal == 0 && is_zeros(page, 0);
}

/* Maps at an address where nothing is. Returns 1; -1 if something is there; or 0. */
static inline int map_if_free(u64 page, u64 page_size, u64 protection, u64 flags) {
  struct place place;
  long result = map(page, page_size, protection, flags, NO_FILE, 0);
  if (result == (long)page) return 1;
  if (result > 0) unmap(result, page_size);
  return look(page, &place) ? -1 : 0;
}

/* The low half of a number that no thread is given again; slot.ts has the same. */
static inline u32 this_thread(void) {
  u64 number = 0;
  functions()->pthread_threadid_np(0, &number);
  return number;
}

/* In a process of more threads it is not known: then the other one is waited for. */
static inline int is_dead(u32 thread) {
  const struct functions *system = functions();
  u64 numbers[MOST_THREADS];
  int size = system->proc_pidinfo(system->getpid(), PROC_PIDLISTTHREADIDS, 0, numbers, sizeof(numbers));
  if (size <= 0 || size >= (int)sizeof(numbers)) return 0;
  for (int i = 0; i < size / (int)sizeof(u64); i++)
    if ((u32)numbers[i] == thread) return 0;
  return 1;
}

/* Waits for a word that nobody changes. */
static inline void nap(void) {
  u32 word = 0;
  functions()->ulock_wait(UL_COMPARE_AND_WAIT | ULF_NO_ERRNO, &word, 0, NAP_MICROSECONDS);
}

/* To this thread. */
static inline void send_again(int signal) { functions()->raise(signal); }

struct sigaction {
  u64 handler;
  u32 mask;
  int flags;
};

static inline void set_default(int signal) {
  volatile struct sigaction action = {0, 0, 0}; /* or it would be data */
  functions()->sigaction(signal, (const void *)&action, 0);
}

static inline int has_default(int signal) {
  struct sigaction action;
  return functions()->sigaction(signal, 0, &action) == 0 && action.handler == 0;
}
