/* A handler of a program for macOS: it writes down what it was given, and has the page mapped. */

#include <stdint.h>

struct record {
  int32_t signal, code, pid, calls;
  uint64_t address, pc, fault_address;
  uint32_t trap, error;
};
static struct record record;

static void *(*darwin_mmap)(uint64_t, uint64_t, int, int, int, int64_t);
static uint64_t page;

#define AT(type, base, offset) (*(type *)((base) + (offset)))

void handle(int signal, char *info, char *context) {
  char *state = AT(char *, context, 48);
  record = (struct record){
      .signal = signal, .code = AT(int32_t, info, 8), .pid = AT(int32_t, info, 12),
      .calls = record.calls + 1, .address = AT(uint64_t, info, 24),
#if defined(__x86_64__)
      .trap = AT(uint16_t, state, 0), .error = AT(uint32_t, state, 4),
      .fault_address = AT(uint64_t, state, 8), .pc = AT(uint64_t, state, 144)};
#else
      .trap = AT(uint32_t, state, 8) >> 26, .error = AT(uint32_t, state, 8) & 64,
      .fault_address = AT(uint64_t, state, 0), .pc = AT(uint64_t, state, 272)};
#endif
  if (page != 0) darwin_mmap(page, 4096, 3, 0x1012, -1, 0);
}

/* Goes on behind the instruction that has the fault, which is the first of `touch`. */
void skip(int signal, char *info, char *context) {
  char *state = AT(char *, context, 48);
  handle(signal, info, context);
#if defined(__x86_64__)
  AT(uint64_t, state, 144) += 2; /* movb (%rdi), %al */
#else
  AT(uint64_t, state, 272) += 4; /* ldrb w0, [x0] */
#endif
}

/* Reads a byte. */
#if defined(__x86_64__)
__asm__(".globl touch\ntouch: movb (%rdi), %al\n\tret");
#else
__asm__(".globl touch\ntouch: ldrb w0, [x0]\n\tret");
#endif

/* What the next faults are at, or 0 if nothing is to be mapped there; and the twin's `mmap`. */
void prepare(uint64_t at, void *mmap) {
  page = at;
  darwin_mmap = mmap;
}

void tell(struct record *out) { *out = record; }

extern char touch[];
uint64_t address_of_handle(void) { return (uint64_t)handle; }
uint64_t address_of_skip(void) { return (uint64_t)skip; }
uint64_t address_of_touch(void) { return (uint64_t)touch; }
