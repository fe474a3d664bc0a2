#include "reduce.h"
#include <stdint.h>
#include <string.h>

size_t wire_bytes(WireType type) {
  static const size_t bytes[] = {4, 4, 1, 2, 2, 1};
  return bytes[type];
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

// As JavaScript's Math.min and max: NaN wins, and −0 is below 0.
static inline float min_float(float a, float b) {
  if (a != a || b != b) return a + b;
  return a < b || (a == b && (bits_of(a) >> 31)) ? a : b;
}
static inline float max_float(float a, float b) {
  if (a != a || b != b) return a + b;
  return a > b || (a == b && !(bits_of(a) >> 31)) ? a : b;
}

static inline float from_bfloat16(uint16_t half) { return float_of((uint32_t)half << 16); }
static inline uint16_t to_bfloat16(float x) {
  const uint32_t b = bits_of(x);
  if ((b & 0x7fffffff) > 0x7f800000) return (uint16_t)((b >> 16) | 0x40);
  return (uint16_t)((b + 0x7fff + ((b >> 16) & 1)) >> 16);
}

static inline float from_float16(uint16_t half) {
  const uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = (half >> 10) & 31, fraction = half & 0x3ff;
  if (exponent == 0) return float_of(sign | bits_of((float)fraction * 0x1p-24f));
  return float_of(sign | (exponent == 31 ? 0x7f800000 : (exponent + 112) << 23) | fraction << 13);
}
static inline uint16_t to_float16(float x) {
  const uint32_t b = bits_of(x), magnitude = b & 0x7fffffff;
  const uint16_t sign = (uint16_t)((b >> 16) & 0x8000);
  if (magnitude < 0x38800000) {
    // Below 2^-14: adding 2^-1 leaves multiples of 2^-24, rounded to even, in the low bits.
    const float shifted = float_of(magnitude) + 0.5f;
    return (uint16_t)(sign | (bits_of(shifted) - 0x3f000000));
  }
  if (magnitude < 0x47800000) return (uint16_t)(sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >> 13) & 1)) >> 13));
  return (uint16_t)(sign | (magnitude > 0x7f800000 ? 0x7e00 | ((magnitude >> 13) & 0x3ff) : 0x7c00));
}

#define LOOP(T, EXPRESSION)                                                     \
  do {                                                                          \
    T *t = target;                                                              \
    const T *x = a, *y = b;                                                     \
    for (size_t i = 0, n = bytes / sizeof(T); i < n; i++) t[i] = (EXPRESSION);  \
  } while (0)

#define ALL_OPS(T, SUM_OF, MIN_OF, MAX_OF, PRODUCT_OF)  \
  switch (op) {                                         \
    case SUM: LOOP(T, SUM_OF); return;                  \
    case MIN: LOOP(T, MIN_OF); return;                  \
    case MAX: LOOP(T, MAX_OF); return;                  \
    case PRODUCT: LOOP(T, PRODUCT_OF); return;          \
  }


static void reduce_float16(void *target, const void *a, const void *b, size_t bytes, Reduction op) {
#define F(X) from_float16(X)
  ALL_OPS(uint16_t, to_float16(F(x[i]) + F(y[i])), to_float16(min_float(F(x[i]), F(y[i]))),
          to_float16(max_float(F(x[i]), F(y[i]))), to_float16(F(x[i]) * F(y[i])))
#undef F
}

static void reduce_bfloat16(void *target, const void *a, const void *b, size_t bytes, Reduction op) {
#define F(X) from_bfloat16(X)
  ALL_OPS(uint16_t, to_bfloat16(F(x[i]) + F(y[i])), to_bfloat16(min_float(F(x[i]), F(y[i]))),
          to_bfloat16(max_float(F(x[i]), F(y[i]))), to_bfloat16(F(x[i]) * F(y[i])))
#undef F
}

static void reduce_float32(void *target, const void *a, const void *b, size_t bytes, Reduction op) {
  ALL_OPS(float, x[i] + y[i], min_float(x[i], y[i]), max_float(x[i], y[i]), x[i] * y[i])
}

// Sums and products wrap: computed without sign, where that is defined.
static void reduce_int32(void *target, const void *a, const void *b, size_t bytes, Reduction op) {
  ALL_OPS(int32_t, (int32_t)((uint32_t)x[i] + (uint32_t)y[i]), x[i] < y[i] ? x[i] : y[i], x[i] > y[i] ? x[i] : y[i],
          (int32_t)((uint32_t)x[i] * (uint32_t)y[i]))
}

static void reduce_bool(void *target, const void *a, const void *b, size_t bytes, Reduction op) {
  ALL_OPS(uint8_t, x[i] | y[i], x[i] & y[i], x[i] | y[i], x[i] & y[i])
}

void reduce(void *target, const void *a, const void *b, size_t bytes, WireType type, Reduction op) {
  switch (type) {
    case FLOAT32: reduce_float32(target, a, b, bytes, op); return;
    case INT32: reduce_int32(target, a, b, bytes, op); return;
    case BOOL: reduce_bool(target, a, b, bytes, op); return;
    case FLOAT16: reduce_float16(target, a, b, bytes, op); return;
    case BFLOAT16: reduce_bfloat16(target, a, b, bytes, op); return;
    case BYTES: return;
  }
}
