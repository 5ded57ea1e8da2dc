/* Signals: bsd/sys/signal.h, bsd/kern/kern_sig.c. */
#include "twin.h"
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

/* Linux's numbers by Darwin's; 0: Linux has no such signal. */
static const unsigned char LINUX[32] = {
    0, 1, 2, 3, 4, 5, 6, 0 /* EMT */, 8, 9, SIGBUS, SIGSEGV, SIGSYS, 13, 14, 15, SIGURG, SIGSTOP,
    SIGTSTP, SIGCONT, SIGCHLD, SIGTTIN, SIGTTOU, SIGIO, SIGXCPU, SIGXFSZ, SIGVTALRM, SIGPROF,
    SIGWINCH, 0 /* INFO */, SIGUSR1, SIGUSR2,
};

int linux_signal(int signal) { return signal > 0 && signal < 32 ? LINUX[signal] : 0; }

int DARWIN(kill)(int pid, int signal) {
  int number = linux_signal(signal);
  return signal != 0 && number == 0 ? fail(EINVAL) : done(kill(pid, number));
}

/* To the calling thread. */
int DARWIN(raise)(int signal) {
  int number = linux_signal(signal);
  return number == 0 ? fail(EINVAL) : done(raise(number));
}

static sigset_t to_linux(uint32_t set) {
  sigset_t result;
  sigemptyset(&result);
  for (int signal = 1; signal < 32; signal++)
    if ((set >> (signal - 1) & 1) != 0 && LINUX[signal] != 0) sigaddset(&result, LINUX[signal]);
  return result;
}

static uint32_t from_linux(const sigset_t *set) {
  uint32_t result = 0;
  for (int signal = 1; signal < 32; signal++)
    if (LINUX[signal] != 0 && sigismember(set, LINUX[signal]) == 1) result |= 1u << (signal - 1);
  return result;
}

/* The kernel's sets have 64 bits, and glibc's more: nothing is behind those in a signal's frame. */
static sigset_t set_of_kernel(const void *from) {
  sigset_t set;
  sigemptyset(&set);
  memcpy(&set, from, sizeof(uint64_t));
  return set;
}

uint32_t mask_in(const void *kernel_set) {
  sigset_t set = set_of_kernel(kernel_set);
  return from_linux(&set);
}

void set_mask_in(void *kernel_set, uint32_t mask) {
  sigset_t set = set_of_kernel(kernel_set);
  for (int signal = 1; signal < 32; signal++) {
    if (LINUX[signal] == 0) continue;
    if ((mask >> (signal - 1) & 1) != 0) sigaddset(&set, LINUX[signal]);
    else sigdelset(&set, LINUX[signal]);
  }
  memcpy(kernel_set, &set, sizeof(uint64_t));
}

/* Copies before it looks at `how`, which tells whether memory is there. */
int DARWIN(sigprocmask)(int how, const uint32_t *set, uint32_t *old) {
  static const int HOW[] = {-1, SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK};
  uint32_t wanted = 0;
  sigset_t before, after;
  if (set != NULL && copy_safely(&wanted, set, sizeof(wanted)) != 0) return fail(EFAULT);
  if (set != NULL && (how < 1 || how > 3)) return fail(EINVAL);
  after = to_linux(wanted);
  int result = pthread_sigmask(set == NULL ? SIG_BLOCK : HOW[how], set == NULL ? NULL : &after, &before);
  if (result != 0) return fail(to_darwin(result));
  if (old != NULL) *old = from_linux(&before);
  return 0;
}

/* What waits for this thread to take it, of its own and of the process. */
int DARWIN(sigpending)(uint32_t *set) {
  sigset_t waiting;
  if (sigpending(&waiting) != 0) return done(-1);
  *set = from_linux(&waiting);
  return 0;
}

/* Waits for one of them and takes it. Answers 0, or the error. */
int DARWIN(sigwait)(const uint32_t *set, int *signal) {
  sigset_t wanted = to_linux(*set);
  int number, error = sigwait(&wanted, &number);
  if (error != 0) return to_darwin(error);
  for (int darwin = 1; darwin < 32; darwin++)
    if (LINUX[darwin] == number) *signal = darwin;
  return 0;
}
