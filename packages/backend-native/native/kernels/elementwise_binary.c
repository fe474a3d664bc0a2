// y = op(a, b) and comparisons, over shapes that broadcast.
#include "functions.h"
#include "kernels.h"
#include "rows.h"

typedef struct {
  const float *a, *b;
  int64_t aStride, bStride; // within a row
  void *y;
} Binary;

// The next `count` ≤ VL values of a row, whatever their stride.
INLINE vf next(const float *p, int64_t stride, int count) {
  if (stride == 1) return count == VL ? v_load(p) : v_load_part(p, count);
  vf v = v_set(*p);
  if (stride != 0)
    for (int i = 1; i < count; i++) v[i] = p[i * stride];
  return v;
}

// The same loop for each pattern of strides, so that the usual ones have none to look at.
#define LOOP(aStep, bStep, expression, store, store_part)                                                  \
  {                                                                                                        \
    int64_t i = 0;                                                                                         \
    for (; i + VL <= count; i += VL) {                                                                     \
      const vf a = next(pa + i * (aStep), aStep, VL), b = next(pb + i * (bStep), bStep, VL);               \
      store(y + i, expression);                                                                            \
    }                                                                                                      \
    if (i < count) {                                                                                       \
      const int rest = (int)(count - i);                                                                   \
      const vf a = next(pa + i * (aStep), aStep, rest), b = next(pb + i * (bStep), bStep, rest);           \
      store_part(y + i, expression, rest);                                                                 \
    }                                                                                                      \
  }

#define DEFINE(name, type, expression, store, store_part)                                                  \
  static void name(const void *context, int64_t aOffset, int64_t bOffset, int64_t at, int64_t count) {     \
    const Binary *c = context;                                                                             \
    const float *pa = c->a + aOffset, *pb = c->b + bOffset;                                                \
    type *y = (type *)c->y + at;                                                                           \
    if (c->aStride == 1 && c->bStride == 1) LOOP(1, 1, expression, store, store_part)                      \
    else if (c->aStride == 1 && c->bStride == 0) LOOP(1, 0, expression, store, store_part)                 \
    else if (c->aStride == 0 && c->bStride == 1) LOOP(0, 1, expression, store, store_part)                 \
    else LOOP(c->aStride, c->bStride, expression, store, store_part)                                       \
  }

static inline void store_mask_part(uint8_t *p, vi mask, int count) {
  uint8_t bytes[VL];
  v_store_mask(bytes, mask);
  memcpy(p, bytes, (size_t)count);
}

#define ARITHMETIC(name, expression) DEFINE(binary_##name, float, expression, v_store, v_store_part)
#define COMPARISON(name, operator) DEFINE(compare_##name, uint8_t, a operator b, v_store_mask, store_mask_part)

ARITHMETIC(add, a + b)
ARITHMETIC(sub, a - b)
ARITHMETIC(mul, a *b)
ARITHMETIC(realDiv, a / b)
ARITHMETIC(maximum, v_select(f_is_nan(a) | (a > b), a, b))
ARITHMETIC(minimum, v_select(f_is_nan(a) | (a < b), a, b))
ARITHMETIC(squaredDifference, (a - b) * (a - b))
ARITHMETIC(reluGrad, v_select(b > 0.f, a, v_set(0.f)))
ARITHMETIC(prelu, v_select(a < 0.f, a *b, a))

COMPARISON(equal, ==)
COMPARISON(notEqual, !=)
COMPARISON(greater, >)
COMPARISON(greaterEqual, >=)
COMPARISON(less, <)
COMPARISON(lessEqual, <=)

static void run(RowBody body, const Broadcast *shape, const float *a, const float *b, void *y) {
  const int last = shape->rank - 1;
  for_rows(shape, body, &(Binary){a, b, shape->a[last], shape->b[last], y});
}

void KERNEL(binary)(BinaryOp op, const Broadcast *shape, const float *a, const float *b, float *y) {
#define ENTRY(name) [BINARY_##name] = binary_##name,
  static const RowBody bodies[] = {BINARY_OPS(ENTRY)};
#undef ENTRY
  run(bodies[op], shape, a, b, y);
}

void KERNEL(compare)(CompareOp op, const Broadcast *shape, const float *a, const float *b, uint8_t *y) {
#define ENTRY(name) [COMPARE_##name] = compare_##name,
  static const RowBody bodies[] = {COMPARE_OPS(ENTRY)};
#undef ENTRY
  run(bodies[op], shape, a, b, y);
}
