// Reads cpuid and xgetbv itself: the compiler's __builtin_cpu_supports does not link in a shared library of zig's.
#include "cpu.h"
#include <stdio.h>
#include <string.h>

extern const Kernels kernels_portable;

#if defined(__x86_64__)
#include <cpuid.h>

extern const Kernels kernels_avx2, kernels_avx512;

typedef struct {
  unsigned eax, ebx, ecx, edx;
} Leaf;

static Leaf leaf(unsigned number, unsigned part) {
  Leaf l = {0};
  __get_cpuid_count(number, part, &l.eax, &l.ebx, &l.ecx, &l.edx);
  return l;
}

// Which registers the operating system saves, as a mask.
static unsigned saved_registers(void) {
  unsigned low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

enum { FMA, F16C, BMI2, AVX2, AVX512F, AVX512DQ, AVX512BW, AVX512VL, AVX512VNNI, AVX512BF16, AVX512FP16, AMX_TILE, AMX_BF16, AMX_INT8, FEATURES };
static const char *const names[FEATURES] = {"fma",      "f16c",        "bmi2",        "avx2",        "avx512f",  "avx512dq", "avx512bw",
                                            "avx512vl", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16", "amx_int8"};

// One bit a feature that both the processor and the operating system have.
static unsigned detect(void) {
  const Leaf one = leaf(1, 0), seven = leaf(7, 0), more = leaf(7, 1);
  const unsigned saved = one.ecx >> 27 & 1 ? saved_registers() : 0;
  const unsigned ymm = (saved & 0x6) == 0x6, zmm = (saved & 0xe6) == 0xe6, tiles = (saved & 0x60000) == 0x60000;
  const unsigned bit[FEATURES] = {
      [FMA] = ymm & one.ecx >> 12,          [F16C] = ymm & one.ecx >> 29,         [BMI2] = seven.ebx >> 8,
      [AVX2] = ymm & seven.ebx >> 5,        [AVX512F] = zmm & seven.ebx >> 16,    [AVX512DQ] = zmm & seven.ebx >> 17,
      [AVX512BW] = zmm & seven.ebx >> 30,   [AVX512VL] = zmm & seven.ebx >> 31,   [AVX512VNNI] = zmm & seven.ecx >> 11,
      [AVX512BF16] = zmm & more.eax >> 5,   [AVX512FP16] = zmm & seven.edx >> 23, [AMX_TILE] = tiles & seven.edx >> 24,
      [AMX_BF16] = tiles & seven.edx >> 22, [AMX_INT8] = tiles & seven.edx >> 25};
  unsigned features = 0;
  for (int i = 0; i < FEATURES; i++) features |= (bit[i] & 1) << i;
  return features;
}

#define HAS(features, needed) (((features) & (needed)) == (needed))
#define NEEDED_AVX2 (1u << AVX2 | 1u << FMA | 1u << F16C | 1u << BMI2)
#define NEEDED_AVX512 (NEEDED_AVX2 | 1u << AVX512F | 1u << AVX512BW | 1u << AVX512DQ | 1u << AVX512VL)

static int list_kernels(const Kernels **usable) {
  const unsigned features = detect();
  int count = 0;
  if (HAS(features, NEEDED_AVX512)) usable[count++] = &kernels_avx512;
  if (HAS(features, NEEDED_AVX2)) usable[count++] = &kernels_avx2;
  return count;
}

static void list_features(char *text, size_t size) {
  const unsigned features = detect();
  for (int i = 0; i < FEATURES; i++)
    if (features >> i & 1) snprintf(text + strlen(text), size - strlen(text), "%s%s", *text ? " " : "", names[i]);
}

#else
extern const Kernels kernels_neon;

static int list_kernels(const Kernels **usable) {
  usable[0] = &kernels_neon; // every 64-bit ARM has it
  return 1;
}

static void list_features(char *text, size_t size) { snprintf(text, size, "neon"); }
#endif

const Kernels *const *cpu_kernels(void) {
  static const Kernels *usable[4];
  if (usable[0]) return usable;
  const Kernels *found[4] = {0};
  found[list_kernels(found)] = &kernels_portable;
  for (int i = 3; i >= 0; i--) usable[i] = found[i]; // the first last: two threads may be here at once
  return usable;
}

const char *cpu_features(void) {
  static char text[256];
  if (!text[0]) list_features(text, sizeof text);
  return text;
}
