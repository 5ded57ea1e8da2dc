/* System calls without a library. Arguments that a call does not have are 0. */

typedef unsigned long u64;
typedef unsigned int u32;

#if defined(__x86_64__)
enum { SYS_close = 3, SYS_mmap = 9, SYS_mprotect = 10, SYS_munmap = 11, SYS_rt_sigaction = 13,
       SYS_pread64 = 17, SYS_mremap = 25, SYS_madvise = 28, SYS_nanosleep = 35, SYS_getpid = 39,
       SYS_gettid = 186, SYS_futex = 202, SYS_tgkill = 234 };
#elif defined(__aarch64__)
enum { SYS_close = 57, SYS_pread64 = 67, SYS_futex = 98, SYS_nanosleep = 101, SYS_tgkill = 131,
       SYS_rt_sigaction = 134, SYS_getpid = 172, SYS_gettid = 178, SYS_munmap = 215,
       SYS_mremap = 216, SYS_mmap = 222, SYS_mprotect = 226, SYS_madvise = 233 };
#else
#error "no such architecture"
#endif

static inline long call(long number, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f) {
#if defined(__x86_64__)
  long result;
  register u64 r10 __asm__("r10") = d;
  register u64 r8 __asm__("r8") = e;
  register u64 r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
#else
  register u64 x8 __asm__("x8") = number;
  register u64 x0 __asm__("x0") = a;
  register u64 x1 __asm__("x1") = b;
  register u64 x2 __asm__("x2") = c;
  register u64 x3 __asm__("x3") = d;
  register u64 x4 __asm__("x4") = e;
  register u64 x5 __asm__("x5") = f;
  __asm__ volatile("svc 0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory");
  return (long)x0;
#endif
}
