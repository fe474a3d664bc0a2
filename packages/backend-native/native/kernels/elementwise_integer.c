// Loops of int32 and bool values, and casts, with the semantics of JavaScript's typed arrays.
#include "loops.h"

#define LOOP(name, type, out, expression)                                                                             \
  static void name(const type *pa, int64_t aStride, const type *pb, int64_t bStride, void *py, int64_t count) {       \
    out *y = py;                                                                                                      \
    for (int64_t i = 0; i < count; i++) {                                                                             \
      const type a = pa[i * aStride], b = pb[i * bStride];                                                            \
      (void)b;                                                                                                        \
      y[i] = (out)(expression);                                                                                       \
    }                                                                                                                 \
  }

// Down, as the real quotient; 0 by 0.
INLINE int32_t floor_quotient(int32_t a, int32_t b) {
  if (b == 0) return 0;
  const int64_t quotient = (int64_t)a / b;
  return (int32_t)(quotient - (quotient * b != a && (a < 0) != (b < 0)));
}

#define INTEGER(name, expression) LOOP(integer_##name, int32_t, int32_t, expression)
INTEGER(add, (uint32_t)a + (uint32_t)b)
INTEGER(sub, (uint32_t)a - (uint32_t)b)
INTEGER(mul, (uint32_t)a * (uint32_t)b)
INTEGER(floorDiv, floor_quotient(a, b))
INTEGER(maximum, a > b ? a : b)
INTEGER(minimum, a < b ? a : b)

#define COMPARE(name, operator) LOOP(compare_##name, int32_t, uint8_t, a operator b)
COMPARE(equal, ==)
COMPARE(notEqual, !=)
COMPARE(greater, >)
COMPARE(greaterEqual, >=)
COMPARE(less, <)
COMPARE(lessEqual, <=)

#define LOGICAL(name, expression) LOOP(logical_##name, uint8_t, uint8_t, expression)
LOGICAL(and, a && b)
LOGICAL(or, a || b)
LOGICAL(not, !a)

#define INTEGER_ENTRY(name) [INTEGER_##name] = integer_##name,
#define COMPARE_ENTRY(name) [COMPARE_##name] = compare_##name,
#define LOGICAL_ENTRY(name) [LOGICAL_##name] = logical_##name,
IntegerLoop *const KERNEL(integer_loops)[] = {INTEGER_OPS(INTEGER_ENTRY)};
IntegerLoop *const KERNEL(compare_integer_loops)[] = {COMPARE_OPS(COMPARE_ENTRY)};
LogicalLoop *const KERNEL(logical_loops)[] = {LOGICAL_OPS(LOGICAL_ENTRY)};

void KERNEL(select_bool_loop)(const uint8_t *condition, int64_t conditionStride, const uint8_t *a, int64_t aStride,
                              const uint8_t *b, int64_t bStride, uint8_t *y, int64_t count) {
  for (int64_t i = 0; i < count; i++) y[i] = condition[i * conditionStride] ? a[i * aStride] : b[i * bStride];
}

// Towards zero, then modulo 2^32; 0 where it is not finite. A float from 2^63 on is a multiple of 2^32.
INLINE int32_t to_int32(float x) { return x > -0x1p63f && x < 0x1p63f ? (int32_t)(uint32_t)(int64_t)x : 0; }

#define CAST(name, from, to, expression)                            \
  static void name(const void *px, void *py, int64_t count) {       \
    const from *x = px;                                             \
    to *y = py;                                                     \
    for (int64_t i = 0; i < count; i++) y[i] = (to)(expression);    \
  }
CAST(float_to_float, float, float, x[i])
CAST(float_to_bool, float, uint8_t, x[i] != 0)
CAST(float_to_int, float, int32_t, to_int32(x[i]))
CAST(bool_to_float, uint8_t, float, x[i])
CAST(bool_to_bool, uint8_t, uint8_t, x[i])
CAST(bool_to_int, uint8_t, int32_t, x[i])
CAST(int_to_float, int32_t, float, x[i])
CAST(int_to_bool, int32_t, uint8_t, x[i] != 0)
CAST(int_to_int, int32_t, int32_t, x[i])

CastLoop *const KERNEL(cast_loops)[ELEMENT_COUNT][ELEMENT_COUNT] = {
    [ELEMENT_FLOAT] = {[ELEMENT_FLOAT] = float_to_float, [ELEMENT_BOOL] = float_to_bool, [ELEMENT_INT] = float_to_int},
    [ELEMENT_BOOL] = {[ELEMENT_FLOAT] = bool_to_float, [ELEMENT_BOOL] = bool_to_bool, [ELEMENT_INT] = bool_to_int},
    [ELEMENT_INT] = {[ELEMENT_FLOAT] = int_to_float, [ELEMENT_BOOL] = int_to_bool, [ELEMENT_INT] = int_to_int}};
