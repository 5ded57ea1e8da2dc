/* A handler that makes the one page usable that it knows of. */

#define _GNU_SOURCE
#include <signal.h>
#include <sys/mman.h>
static char *page;
static int calls, wrong;
static void plain(int signal) {
  (void)signal;
  calls++;
  mprotect(page, 4096, PROT_READ | PROT_WRITE);
}
static void informed(int signal, siginfo_t *info, void *context) {
  if ((char *)info->si_addr != page + 5 || context == 0) wrong++;
  plain(signal);
}
char *protect(void) {
  return page = mmap(0, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
int install(int is_plain) {
  struct sigaction action = { .sa_flags = SA_ONSTACK | (is_plain ? 0 : SA_SIGINFO) };
  if (is_plain) action.sa_handler = plain; else action.sa_sigaction = informed;
  return sigaction(SIGSEGV, &action, 0);
}
int count(void) { return calls + 1000 * wrong; }
