#include "reduce.h"

size_t wire_bytes(WireType type) {
  static const size_t bytes[] = {4, 4, 1, 2, 2, 1};
  return bytes[type];
}

typedef void Reduce(void *, const void *, const void *, size_t, WireType, Reduction);

#if defined(__x86_64__)
#include <cpuid.h>
#include <stdbool.h>

Reduce reduce_avx2;

// __builtin_cpu_supports does not link in a shared library of zig's.
static bool has_avx2(void) {
  unsigned a, b, one, d, seven, c;
  if (!__get_cpuid(1, &a, &b, &one, &d)) return false;
  if (!(one >> 27 & 1) || !(one >> 29 & 1)) return false; // xgetbv, f16c
  unsigned saved, high;
  __asm__ volatile("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
  if ((saved & 6) != 6) return false; // the system keeps the wide registers
  return __get_cpuid_count(7, 0, &a, &seven, &c, &d) && (seven >> 5 & 1);
}

static Reduce *best(void) { return has_avx2() ? reduce_avx2 : reduce_portable; }
#else
static Reduce *best(void) { return reduce_portable; }
#endif

void reduce(void *target, const void *x, const void *y, size_t bytes, WireType type, Reduction op) {
  static Reduce *_Atomic chosen; // several threads may choose, and choose the same
  if (!chosen) chosen = best();
  chosen(target, x, y, bytes, type, op);
}
