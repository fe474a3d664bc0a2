// Compiled once for each instruction set (ISA).
#include "../reduce.h"
#include <stdint.h>
#include <string.h>
#ifdef __F16C__
#include <immintrin.h>
#endif

#define CONCAT(a, b) a##b
#define NAME(prefix, isa) CONCAT(prefix, isa)

// Numbers at any address.
#define ANYWHERE __attribute__((aligned(1), may_alias))
typedef float Float ANYWHERE;
typedef int32_t Int ANYWHERE;
typedef uint16_t Half ANYWHERE;

// The target may be x or y, element for element: no element is read after it was written.
#define LOOP(T, EXPRESSION)                                                    \
  do {                                                                         \
    T *t = target;                                                             \
    const T *x = a, *y = b;                                                    \
    _Pragma("clang loop vectorize(assume_safety)")                             \
    for (size_t i = 0; i < n; i++) t[i] = (EXPRESSION);                        \
  } while (0)

#define FOUR(T, SUM_OF, MIN_OF, MAX_OF, PRODUCT_OF) \
  switch (op) {                                     \
    case SUM: LOOP(T, SUM_OF); return;              \
    case MIN: LOOP(T, MIN_OF); return;              \
    case MAX: LOOP(T, MAX_OF); return;              \
    case PRODUCT: LOOP(T, PRODUCT_OF); return;      \
  }

static inline uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, 4);
  return bits;
}

static inline float float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, 4);
  return x;
}

// As JavaScript's Math.min and Math.max: NaN wins, and −0 is below 0 (equal numbers differ in the sign at most).
static inline float lesser(float x, float y) {
  const float equal = float_of(bits_of(x) | bits_of(y)), less = x < y ? x : y;
  return x != x ? x : x == y ? equal : less; // where y is NaN, less is y
}
static inline float greater(float x, float y) {
  const float equal = float_of(bits_of(x) & bits_of(y)), more = x > y ? x : y;
  return x != x ? x : x == y ? equal : more;
}

static void reduce_floats(void *target, const void *a, const void *b, size_t n, Reduction op) {
  FOUR(Float, x[i] + y[i], lesser(x[i], y[i]), greater(x[i], y[i]), x[i] * y[i])
}

// Sums and products wrap: computed without sign, where that is defined.
static void reduce_ints(void *target, const void *a, const void *b, size_t n, Reduction op) {
  FOUR(Int, (int32_t)((uint32_t)x[i] + (uint32_t)y[i]), x[i] < y[i] ? x[i] : y[i], x[i] > y[i] ? x[i] : y[i],
       (int32_t)((uint32_t)x[i] * (uint32_t)y[i]))
}

static void reduce_bools(void *target, const void *a, const void *b, size_t n, Reduction op) {
  FOUR(uint8_t, x[i] | y[i], x[i] & y[i], x[i] | y[i], x[i] & y[i])
}

static inline float from_bfloat16(uint16_t half) { return float_of((uint32_t)half << 16); }

static inline uint16_t to_bfloat16(float x) {
  const uint32_t b = bits_of(x), rounded = b + 0x7fff + (b >> 16 & 1), nan = b | 0x400000;
  return (uint16_t)((x != x ? nan : rounded) >> 16);
}

static inline float from_float16(uint16_t half) {
  const uint32_t sign = (uint32_t)(half & 0x8000) << 16, rest = half & 0x7fff;
  const uint32_t normal = (rest << 13) + (rest >= 0x7c00 ? 0x70000000u : 0x38000000u); // infinity and NaN stay at the top
  const uint32_t small = bits_of((float)(int32_t)rest * 0x1p-24f);
  return float_of(sign | (rest < 0x400 ? small : normal));
}

static inline uint16_t to_float16(float x) {
  const uint32_t b = bits_of(x), magnitude = b & 0x7fffffff, sign = b >> 16 & 0x8000;
  // Below 2^-14: adding 1/2 leaves multiples of 2^-24, rounded to even, in the low bits.
  const uint32_t small = bits_of(float_of(magnitude < 0x38800000 ? magnitude : 0) + 0.5f) - 0x3f000000;
  const uint32_t normal = (magnitude - 0x38000000 + 0xfff + (magnitude >> 13 & 1)) >> 13;
  const uint32_t nan = 0x7e00 | (magnitude >> 13 & 0x3ff);
  const uint32_t finite = magnitude < 0x38800000 ? small : magnitude < 0x47800000 ? normal : 0x7c00;
  return (uint16_t)(sign | (magnitude > 0x7f800000 ? nan : finite));
}

static void widen(float *wide, const Half *halves, size_t n, WireType type) {
  size_t i = 0;
#ifdef __F16C__
  if (type == FLOAT16)
    for (; i + 8 <= n; i += 8) _mm256_storeu_ps(wide + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(halves + i))));
#endif
  if (type == FLOAT16)
    for (; i < n; i++) wide[i] = from_float16(halves[i]);
  else
    for (; i < n; i++) wide[i] = from_bfloat16(halves[i]);
}

static void narrow(Half *halves, const float *wide, size_t n, WireType type) {
  size_t i = 0;
#ifdef __F16C__
  if (type == FLOAT16)
    for (; i + 8 <= n; i += 8)
      _mm_storeu_si128((__m128i *)(halves + i), _mm256_cvtps_ph(_mm256_loadu_ps(wide + i), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
#endif
  if (type == FLOAT16)
    for (; i < n; i++) halves[i] = to_float16(wide[i]);
  else
    for (; i < n; i++) halves[i] = to_bfloat16(wide[i]);
}

// Computed in float32, rounded after each operation.
static void reduce_halves(Half *target, const Half *x, const Half *y, size_t n, WireType type, Reduction op) {
  enum { BLOCK = 1024 };
  float a[BLOCK], b[BLOCK];
  for (size_t at = 0; at < n; at += BLOCK) {
    const size_t count = n - at < BLOCK ? n - at : BLOCK;
    widen(a, x + at, count, type);
    widen(b, y + at, count, type);
    reduce_floats(a, a, b, count, op);
    narrow(target + at, a, count, type);
  }
}

void NAME(reduce_, ISA)(void *target, const void *x, const void *y, size_t bytes, WireType type, Reduction op) {
  switch (type) {
    case FLOAT32: reduce_floats(target, x, y, bytes / 4, op); return;
    case INT32: reduce_ints(target, x, y, bytes / 4, op); return;
    case BOOL: reduce_bools(target, x, y, bytes, op); return;
    case FLOAT16:
    case BFLOAT16: reduce_halves(target, x, y, bytes / 2, type, op); return;
    case BYTES: return; // never reduced
  }
}
