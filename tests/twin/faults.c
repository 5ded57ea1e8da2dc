/*
 * Handlers of SIGBUS and SIGSEGV: Libc sigaction, bsd/uxkern/ux_exception.c, bsd/dev/i386/unix_signal.c,
 * bsd/dev/arm/unix_signal.c, osfmk/mach/i386/_structs.h, osfmk/mach/arm/_structs.h.
 *
 * A real handler takes both of Linux's signals, and calls the program's one with what Darwin would have
 * made of them. What was there before, such as Deno's own handlers, knows Linux's structs alone: a
 * program that asks for it gets the address of a function that calls it with those.
 */
#include "twin.h"
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { BUS = 10, SEGV = 11, ONSTACK = 1, SIGINFO = 0x40, KNOWN_FLAGS = 0x7f };

struct action {
  uint64_t handler;
  uint32_t mask;
  int32_t flags;
};
_Static_assert(sizeof(struct action) == 16, "struct sigaction");

struct info {
  int32_t signal, error, code, pid;
  uint32_t uid;
  int32_t status;
  uint64_t address, value, band, padding[7];
};
_Static_assert(sizeof(struct info) == 104 && offsetof(struct info, address) == 24, "siginfo_t");

struct state {
#if defined(__x86_64__)
  uint16_t trap, processor;
  uint32_t error;
  uint64_t fault_address;
  uint64_t rax, rbx, rcx, rdx, rdi, rsi, rbp, rsp, r8, r9, r10, r11, r12, r13, r14, r15, pc;
  uint64_t rflags, cs, fs, gs;
#else
  uint64_t fault_address;
  uint32_t syndrome, exception;
  uint64_t x[31], sp, pc;
  uint32_t cpsr, padding;
#endif
};

struct context {
  int32_t on_stack;
  uint32_t mask;
  uint64_t stack_start, stack_size;
  int32_t stack_flags, padding;
  uint64_t link, size;
  struct state *state;
};
_Static_assert(offsetof(struct context, state) == 48, "ucontext_t");
#if defined(__x86_64__)
_Static_assert(offsetof(struct state, pc) == 144, "mcontext64");
#else
_Static_assert(offsetof(struct state, pc) == 272, "mcontext64");
#endif

/* A signal that a thread has got: as Linux tells of it, and as Darwin does. */
struct delivery {
  int number;
  siginfo_t *info;
  ucontext_t *context;
  struct state *state;
};
#define OF_THREAD static __thread __attribute__((tls_model("initial-exec")))
OF_THREAD struct delivery *current;
/* Where this thread's last fault was: Darwin tells it again with each signal that somebody sent. */
OF_THREAD uint64_t last_address;

int is_in_handler(void) { return current != NULL; }

static struct action actions[2];         /* by signal, from BUS on */
static struct sigaction foreign[2];      /* what was there before, of Linux's SIGBUS and SIGSEGV */
static int installed;

static int index_of(int linux_signal) { return linux_signal == SIGSEGV; }

#if defined(__x86_64__)
#define T_SYSCALL 0x85

static void read_state(struct state *state, const ucontext_t *context) {
  const greg_t *from = context->uc_mcontext.gregs;
  static const int ORDER[] = {REG_RAX, REG_RBX, REG_RCX, REG_RDX, REG_RDI, REG_RSI, REG_RBP, REG_RSP, REG_R8,
                              REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP, REG_EFL};
  for (size_t i = 0; i < sizeof(ORDER) / sizeof(*ORDER); i++) (&state->rax)[i] = from[ORDER[i]];
}

/* Of a thread that no fault has stopped, there is the number of what has. */
static void read_exception(struct state *state, const ucontext_t *context, int is_sent) {
  state->trap = is_sent ? T_SYSCALL : context->uc_mcontext.gregs[REG_TRAPNO];
  state->error = is_sent ? 0 : context->uc_mcontext.gregs[REG_ERR];
  state->fault_address = last_address;
}

static int is_protection_trap(const siginfo_t *info) { return info->si_code == SI_KERNEL; }

static void write_pc(ucontext_t *context, uint64_t pc) { context->uc_mcontext.gregs[REG_RIP] = pc; }

/* The code of SIGSEGV is that of the Mach exception, and that of SIGBUS always the same. */
static int code_of(int signal, const siginfo_t *info) {
  if (signal == BUS) return 2; /* BUS_ADRERR */
  return info->si_code == SEGV_MAPERR ? 1 : 0;
}
#else
static void read_state(struct state *state, const ucontext_t *context) {
  const mcontext_t *from = &context->uc_mcontext;
  memcpy(state->x, from->regs, sizeof(state->x));
  state->sp = from->sp;
  state->pc = from->pc;
  state->cpsr = from->pstate;
}

/* Linux may tell the syndrome in a record of its own. */
static uint32_t syndrome_in(const ucontext_t *context) {
  const unsigned char *at = (const unsigned char *)context->uc_mcontext.__reserved;
  for (uint32_t head[2]; memcpy(head, at, 8), head[0] != 0 && head[1] != 0; at += head[1])
    if (head[0] == 0x45535201) return *(const uint64_t *)(at + 8);
  return 0;
}

static void read_exception(struct state *state, const ucontext_t *context, int is_sent) {
  uint32_t syndrome = is_sent ? 0x15u << 26 : syndrome_in(context);
  if (syndrome == 0) { /* the emulator: from the instruction, whose bit 22 says that it loads */
    uint64_t pc = context->uc_mcontext.pc;
    uint32_t instruction = pc == last_address ? 0 : *(const uint32_t *)pc;
    int is_store = (instruction >> 22 & 1) == 0;
    syndrome = pc == last_address ? 0x20u << 26 : 0x24u << 26 | (uint32_t)is_store << 6;
  }
  state->syndrome = syndrome;
  state->fault_address = is_sent ? 0 : last_address;
}

static int is_protection_trap(const siginfo_t *info) { return (void)info, 0; }

static void write_pc(ucontext_t *context, uint64_t pc) { context->uc_mcontext.pc = pc; }

static int code_of(int signal, const siginfo_t *info) {
  (void)info;
  return signal == BUS ? 1 : 2; /* BUS_ADRALN and SEGV_ACCERR, whatever it was */
}
#endif

/* A missing mapping is SIGSEGV, and all that a mapping refuses is SIGBUS. */
static int darwin_signal(int number, const siginfo_t *info) {
  int is_refused = number == SIGSEGV && info->si_code == SEGV_ACCERR;
  return number == SIGBUS || is_refused ? BUS : SEGV;
}

static void set_linux_default(int number) {
  struct sigaction action = {.sa_handler = SIG_DFL};
  sigaction(number, &action, NULL);
}

static void call_handler(const struct action *action, int signal, struct delivery *delivery) {
  int is_sent = delivery->info->si_code <= 0;
  if (!is_sent) last_address = (uint64_t)delivery->info->si_addr;
  struct state state = {0};
  read_state(&state, delivery->context);
  read_exception(&state, delivery->context, is_sent);
  struct info info = {.signal = signal, .code = code_of(signal, delivery->info),
                      .address = is_protection_trap(delivery->info) ? 0 : state.fault_address};
  struct context context = {.mask = mask_in(&delivery->context->uc_sigmask), .size = sizeof(state),
                            .state = &state};
  struct delivery *outer = current;
  delivery->state = &state;
  current = delivery;
  if ((action->flags & SIGINFO) != 0) {
    ((void (*)(int, struct info *, struct context *))action->handler)(signal, &info, &context);
  } else {
    ((void (*)(int))action->handler)(signal);
  }
  current = outer;
  write_pc(delivery->context, state.pc);
  set_mask_in(&delivery->context->uc_sigmask, context.mask);
}

/* Mappings with MAP_RESILIENT_MEDIA: osfmk/vm/vm_fault.c has zeros where the pager has no page. */
static struct {
  uint64_t start, end;
} resilient[64];

static int put_zeros(const siginfo_t *info) {
  uint64_t address = (uint64_t)info->si_addr;
  struct place place;
  for (int i = 0; i < 64; i++) {
    if (address < resilient[i].start || address >= resilient[i].end) continue;
    if (place_at(address, &place) != 0 || place.is_shared || !place.has_file) continue;
    return mmap((void *)page_down(address), page_size(), place.protection,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
  }
  return 0;
}

static void deliver(struct delivery *delivery) {
  int number = delivery->number, is_sent = delivery->info->si_code <= 0;
  if (number == SIGBUS && !is_sent && put_zeros(delivery->info)) return;
  int signal = is_sent ? (number == SIGBUS ? BUS : SEGV) : darwin_signal(number, delivery->info);
  struct action action = actions[signal - BUS];
  if (action.handler == 0) {
    set_linux_default(number);
    if (is_sent) syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), number);
  } else if (action.handler != 1) {
    call_handler(&action, signal, delivery);
  }
}

/* Threads of Darwin have 128 KiB for their handlers, and those of Linux a few. */
#define STACK_SIZE 262144
OF_THREAD char *stack;
static pthread_key_t stack_key;

static void free_stack(void *start) { munmap(start, STACK_SIZE); }

static void call_on(char *top, struct delivery *delivery) {
#if defined(__x86_64__)
  __asm__ volatile("movq %%rsp, %%rbx\n\tmovq %0, %%rsp\n\tcallq *%1\n\tmovq %%rbx, %%rsp"
                   : "+r"(top), "+r"((void (*)(struct delivery *)){deliver}), "+D"(delivery)
                   :
                   : "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "rax", "cc", "memory");
#else
  register struct delivery *x0 __asm__("x0") = delivery;
  register char *x20 __asm__("x20") = top;
  register void (*x21)(struct delivery *) __asm__("x21") = deliver;
  __asm__ volatile("mov x19, sp\n\tmov sp, x20\n\tblr x21\n\tmov sp, x19"
                   : "+r"(x0)
                   : "r"(x20), "r"(x21)
                   : "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13",
                     "x14", "x15", "x16", "x17", "x18", "x19", "x30", "cc", "memory");
#endif
}

/* Linux's handler of both signals. */
static void take(int number, siginfo_t *info, void *context) {
  int linux_errno = errno;
  struct delivery delivery = {.number = number, .info = info, .context = context};
  if (stack == NULL) {
    stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_setspecific(stack_key, stack);
  }
  if (current == NULL) call_on(stack + STACK_SIZE, &delivery);
  else deliver(&delivery);
  errno = linux_errno;
}

/* What a program gets as the address of a handler that is not its own. */
static void call_foreign(int signal, struct info *info, struct context *context) {
  (void)signal, (void)info, (void)context;
  struct delivery *delivery = current;
  if (delivery == NULL) return; /* a test has called the program's handler itself */
  const struct sigaction *action = &foreign[index_of(delivery->number)];
  if (action->sa_handler == SIG_IGN) return;
  if (action->sa_handler == SIG_DFL) {
    set_linux_default(delivery->number);
  } else if ((action->sa_flags & SA_SIGINFO) != 0) {
    action->sa_sigaction(delivery->number, delivery->info, delivery->context);
  } else {
    action->sa_handler(delivery->number);
  }
  read_state(delivery->state, delivery->context); /* V8's goes on somewhere else */
}

#define FOREIGN ((struct action){.handler = (uint64_t)call_foreign, .flags = SIGINFO | ONSTACK})

static int linux_number(int signal) { return signal == BUS ? SIGBUS : SIGSEGV; }

/* What there is now; others may have changed it without Darwin's call. */
static struct action action_now(int signal) {
  struct sigaction now;
  sigaction(linux_number(signal), NULL, &now);
  if (now.sa_sigaction == take) return actions[signal - BUS];
  if (now.sa_handler == SIG_DFL || now.sa_handler == SIG_IGN) {
    return (struct action){.handler = (uint64_t)now.sa_handler};
  }
  return FOREIGN;
}

static int is_handler(const struct sigaction *action) {
  return action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN;
}

/* libSystem is never unloaded, and its handlers are called as long as a thread lives. */
static void stay(void) {
  Dl_info own;
  if (dladdr(stay, &own) != 0) dlopen(own.dli_fname, RTLD_NOW | RTLD_NODELETE);
}

/* Keeps what is there, and puts the twin's own handler in its place. One Darwin signal may be another
 * one of Linux's, so both are taken at once. */
static void take_both(void) {
  struct sigaction before;
  for (int i = 0; i < 2; i++) {
    sigaction(linux_number(BUS + i), NULL, &before);
    if (before.sa_sigaction != take) foreign[i] = before;
  }
  if (!installed) {
    int is_foreign = is_handler(&foreign[0]) || is_handler(&foreign[1]);
    for (int i = 0; i < 2; i++) {
      actions[i] = is_foreign ? FOREIGN : (struct action){.handler = (uint64_t)foreign[i].sa_handler};
    }
    stay();
    pthread_key_create(&stack_key, free_stack);
    installed = 1;
  }
  struct sigaction own = {.sa_sigaction = take, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  for (int i = 0; i < 2; i++) sigaction(linux_number(BUS + i), &own, NULL);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

void be_resilient(uint64_t start, uint64_t end) {
  static int next;
  pthread_mutex_lock(&mutex);
  take_both();
  resilient[next].start = start;
  resilient[next].end = end;
  next = (next + 1) % 64;
  pthread_mutex_unlock(&mutex);
}

/* int sigaction(int sig, const struct sigaction *act, struct sigaction *oact): of these two signals. */
int DARWIN(sigaction)(int signal, const struct action *action, struct action *old) {
#if defined(TWIN_ARM64) && !defined(__aarch64__)
  signal = 0; /* this machine cannot run that one's handlers */
#endif
  if (signal != BUS && signal != SEGV) {
    note("sigaction: of another signal than SIGBUS and SIGSEGV", signal);
    return fail(EINVAL);
  }
  if (action != NULL && ((action->flags & ~KNOWN_FLAGS) != 0 || action->mask != 0)) {
    note("sigaction: unknown flags, or a mask", action->flags);
    return fail(EINVAL);
  }
  pthread_mutex_lock(&mutex);
  struct action before = action_now(signal);
  if (action != NULL) {
    take_both();
    actions[signal - BUS] = *action;
  }
  pthread_mutex_unlock(&mutex);
  if (old != NULL) *old = before;
  return 0;
}
