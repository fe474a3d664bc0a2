// One vocabulary for every instruction set. A kernel's file is compiled once for each of them, with -DISA=<name>; the
// compiler's flags decide how many floats a vector has. Names made with KERNEL() carry the instruction set.
#pragma once
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(NEON)
#include <arm_neon.h>
#endif

#define ISA_PASTE2(name, isa) name##_##isa
#define ISA_PASTE(name, isa) ISA_PASTE2(name, isa)
#define KERNEL(name) ISA_PASTE(name, ISA)

// Unroll the loop behind them: by n; or wholly, however often it runs (clang may leave a loop of fewer rounds than n).
#define ISA_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define UNROLL(n) ISA_PRAGMA(unroll n)
#define UNROLL_WHOLE ISA_PRAGMA(unroll)
#else
#define UNROLL(n) ISA_PRAGMA(GCC unroll n)
#define UNROLL_WHOLE ISA_PRAGMA(GCC unroll 64)
#endif

#define INLINE static inline __attribute__((always_inline))

// Floats in a vector.
#if defined(__AVX512F__)
#define VL 16
#elif defined(__AVX2__)
#define VL 8
#else
#define VL 4
#endif

#if VL == 16 || defined(NEON)
#define VECTOR_REGISTERS 32
#else
#define VECTOR_REGISTERS 16
#endif

typedef float vf __attribute__((vector_size(VL * 4)));                          // aligned, in registers
typedef int32_t vi __attribute__((vector_size(VL * 4)));
typedef float vf_unaligned __attribute__((vector_size(VL * 4), aligned(4), may_alias)); // in memory
typedef int32_t vi_unaligned __attribute__((vector_size(VL * 4), aligned(4), may_alias));

INLINE vf v_load(const float *p) { return *(const vf_unaligned *)p; }
INLINE void v_store(float *p, vf v) { *(vf_unaligned *)p = v; }
INLINE vf v_set(float x) { return x - (vf){}; } // x - 0 keeps the sign of a zero
INLINE vi v_seti(int32_t x) { return x - (vi){}; }

// a·b + c, rounded once where the instruction set can. The compiler never fuses on its own (-ffp-contract=off).
INLINE vf v_fma(vf a, vf b, vf c) {
#if defined(__AVX512F__)
  return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__FMA__)
  return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(NEON)
  return (vf)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
  return a * b + c;
#endif
}

// Lane by lane: mask ? a : b. A mask comes from a comparison: all bits of a lane set, or none.
INLINE vf v_select(vi mask, vf a, vf b) { return (vf)((mask & (vi)a) | (~mask & (vi)b)); }

// Fast maximum and minimum: b where either is NaN. The compiler makes one instruction of each on x86.
INLINE vf v_max(vf a, vf b) { return v_select(a > b, a, b); }
INLINE vf v_min(vf a, vf b) { return v_select(a < b, a, b); }

// The sum of the lanes, in one fixed order: halves are added to halves.
INLINE float v_sum(vf v) {
  float lanes[VL];
  v_store(lanes, v);
  for (int width = VL / 2; width > 0; width /= 2)
    for (int i = 0; i < width; i++) lanes[i] += lanes[i + width];
  return lanes[0];
}

// A store past the caches, for a large tensor that is read again much later; p is aligned to a vector. stream_end() comes
// behind the last one of a chunk of work. Where there is no such store, it is a plain one.
INLINE void v_stream(float *p, vf v) {
#if defined(__AVX512F__)
  _mm512_stream_ps(p, (__m512)v);
#elif defined(__AVX2__)
  _mm256_stream_ps(p, (__m256)v);
#elif defined(__SSE2__)
  _mm_stream_ps(p, (__m128)v);
#else
  v_store(p, v);
#endif
}
INLINE void stream_end(void) {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

// a's and b's lanes in turn: of their lower halves, of their upper ones.
#if VL == 16
#define LANES_LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define LANES_HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif VL == 8
#define LANES_LOW 0, 8, 1, 9, 2, 10, 3, 11
#define LANES_HIGH 4, 12, 5, 13, 6, 14, 7, 15
#else
#define LANES_LOW 0, 4, 1, 5
#define LANES_HIGH 2, 6, 3, 7
#endif

// Lane i is v_sum(v[i]), to the bit.
INLINE vf v_sums(vf v[VL]) {
  UNROLL(4)
  for (int width = VL / 2; width > 0; width /= 2)
    UNROLL(8)
    for (int i = 0; i < width; i++)
      v[i] = __builtin_shufflevector(v[i], v[i + width], LANES_LOW) + __builtin_shufflevector(v[i], v[i + width], LANES_HIGH);
  return v[0];
}

// Rows and lanes change places: each round turns the bits of a value's (row, lane) by one.
INLINE void v_transpose(vf rows[VL]) {
  UNROLL(4) for (int round = 1; round < VL; round *= 2) {
    vf next[VL];
    UNROLL(8) for (int i = 0; i < VL / 2; i++) {
      next[2 * i] = __builtin_shufflevector(rows[i], rows[i + VL / 2], LANES_LOW);
      next[2 * i + 1] = __builtin_shufflevector(rows[i], rows[i + VL / 2], LANES_HIGH);
    }
    UNROLL(16) for (int i = 0; i < VL; i++) rows[i] = next[i];
  }
}

// Part of a vector: the first `count` lanes (0 < count < VL) from memory, zeros behind them; and back.
INLINE vf v_load_part(const float *p, int count) {
  vf v = {};
  memcpy(&v, p, (size_t)count * sizeof(float));
  return v;
}
INLINE void v_store_part(float *p, vf v, int count) { memcpy(p, &v, (size_t)count * sizeof(float)); }

INLINE vf v_sqrt(vf v) {
#if defined(__AVX512F__)
  return (vf)_mm512_sqrt_ps((__m512)v);
#elif defined(__AVX2__)
  return (vf)_mm256_sqrt_ps((__m256)v);
#elif defined(__SSE2__)
  return (vf)_mm_sqrt_ps((__m128)v);
#elif defined(NEON)
  return (vf)vsqrtq_f32((float32x4_t)v);
#else
  for (int i = 0; i < VL; i++) v[i] = __builtin_sqrtf(v[i]);
  return v;
#endif
}

// Asks for the cache line at p to be brought into the second-level cache.
INLINE void prefetch(const float *p) { __builtin_prefetch(p, 0, 2); }
// And into the first-level cache, to be written.
INLINE void prefetch_write(const float *p) { __builtin_prefetch(p, 1, 3); }

// Bytes, one for each lane: 0 or 1 to and from a mask.
typedef uint8_t vb __attribute__((vector_size(VL)));
INLINE vi v_mask(const uint8_t *p) {
  vb bytes;
  memcpy(&bytes, p, VL);
  return __builtin_convertvector(bytes, vi) != 0;
}
INLINE void v_store_mask(uint8_t *p, vi mask) {
  const vb bytes = __builtin_convertvector(mask & 1, vb);
  memcpy(p, &bytes, VL);
}
