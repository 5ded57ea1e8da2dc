/*
 * The search for two bytes of a needle at once: freestanding, position-independent, without data of its own.
 *
 * It is compiled ahead, stored as bytes in code.ts, and copied to executable memory behind the fault guard's
 * handler. Two bytes are seldom found at their distance in the needle, even where both are frequent. So one
 * step looks for both in four vectors of bytes, as fast as memory delivers them, and only where both are
 * found the needle is compared.
 */

typedef unsigned long u64;
typedef unsigned char u8;

#define ENTRY(section_name) __attribute__((section(section_name), used, aligned(128), visibility("default")))

#if defined(__x86_64__)
#include <cpuid.h>

typedef char vector __attribute__((vector_size(32)));

/* Bits of a mask for each byte, as a power of 2. */
enum { BITS = 0 };

/* A bit for each byte that is -1, where the others are 0. */
static inline u64 mask(vector v) {
  return (unsigned)__builtin_ia32_pmovmskb256(v);
}

/* AVX2 takes a processor that has it, and a system that keeps the long registers for each thread. */
ENTRY(".text.a") int is_impossible(void) {
  enum { KEPT = 6 }; /* in XCR0: the registers of SSE and of AVX */
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE) || !(c & bit_AVX)) return 1;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & bit_AVX2)) return 1;
  __asm__("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
  return (a & KEPT) != KEPT;
}
#else
#include <arm_neon.h>

typedef char vector __attribute__((vector_size(16)));

enum { BITS = 2 };

/* NEON has no such instruction. Halving each pair of bytes leaves four bits of each byte. */
static inline u64 mask(vector v) {
  return (u64)vshrn_n_u16((uint16x8_t)v, 4) & 0x1111111111111111;
}

/* Every processor of this kind has NEON. */
ENTRY(".text.a") int is_impossible(void) {
  return 0;
}
#endif

/* How far ahead memory is asked for, which may be beyond the end: it is a tenth quicker where all bytes are read
 * twice. */
enum { VECTOR = sizeof(vector), STEP = 4 * VECTOR, AHEAD = 512 };

/* What a wasted comparison costs, and each byte of it, in bytes that are searched in another way in that time;
 * and how much may be wasted at once. */
enum { COMPARISON = 64, COMPARED = 4, SLACK = 8192 };

/* What C's `bsearch` passes on: `request` of find.ts. */
struct request {
  const u8 *at, *end, *needle;
  u64 size, one, other;
  long answer;
};

static inline vector load(const u8 *from) {
  vector v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}

static inline u64 same_bytes(const u8 *a, const u8 *b, u64 size) {
  u64 same = 0;
  while (same < size && a[same] == b[same]) same++;
  return same;
}

static inline __attribute__((always_inline)) long search(const u8 *at, const u8 *end, const u8 *needle, u64 size,
                                                         u64 one, u64 other) {
  const vector ones = (char)needle[one] - (vector){}, others = (char)needle[other] - (vector){};
  const u8 *begin = at, *last = at;
  u64 wasted = 0;
#define BOTH(place) ((load((place) + one) == ones) & (load((place) + other) == others))
  for (; at < end; at += STEP) {
    if (end - at < STEP) {
      if (end - begin < STEP) break;
      at = end - STEP; /* some places again */
    }
    if (one != other) {
      __builtin_prefetch(at + AHEAD);
      __builtin_prefetch(at + AHEAD + STEP / 2);
    }
    if (mask(BOTH(at) | BOTH(at + VECTOR) | BOTH(at + 2 * VECTOR) | BOTH(at + 3 * VECTOR)) == 0) continue;
    for (const u8 *part = at; part < at + STEP; part += VECTOR) {
      for (u64 found = mask(BOTH(part)); found != 0; found &= found - 1) {
        const u8 *place = part + (__builtin_ctzl(found) >> BITS);
        u64 same = same_bytes(place, needle, size);
        if (same == size) return (long)place;
        u64 gained = place > last ? place - last : 0;
        wasted = (wasted > gained ? wasted - gained : 0) + COMPARISON + COMPARED * same;
        if (wasted > SLACK) return -(long)(place + 1);
        last = place;
      }
    }
  }
  for (; at < end; at++) /* fewer places than a step has */
    if (same_bytes(at, needle, size) == size) return (long)at;
  return 0;
}

/*
 * Answers with the first place in [at, end) that the needle begins at; 0 if there is none. It reads up to
 * `end` + `size` - 1. If too many comparisons were wasted it gives up, and answers with -1 times the place
 * where to continue.
 */
ENTRY(".text.b") int find_pair(struct request *r) {
  const u64 one = r->one, other = r->other;
  /* For one byte alone the compiler makes a loop of its own, which reads all bytes once. */
  r->answer = one == other ? search(r->at, r->end, r->needle, r->size, one, one)
                           : search(r->at, r->end, r->needle, r->size, one, other);
  return 0;
}
