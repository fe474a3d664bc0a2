// y = op(a, b) and comparisons, over shapes that broadcast.
#include "functions.h"
#include "kernels.h"
#include "loops.h"
#include "rows.h"

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

#define DEFINE(name, type, expression, store, store_part)                                                             \
  static void name(const float *pa, int64_t aStride, const float *pb, int64_t bStride, void *out, int64_t count) {    \
    type *y = out;                                                                                                    \
    if (aStride == 1 && bStride == 1) LOOP(1, 1, expression, store, store_part)                                       \
    else if (aStride == 1 && bStride == 0) LOOP(1, 0, expression, store, store_part)                                  \
    else if (aStride == 0 && bStride == 1) LOOP(0, 1, expression, store, store_part)                                  \
    else LOOP(aStride, bStride, expression, store, store_part)                                                        \
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
ARITHMETIC(pow, f_pow(a, b))

COMPARISON(equal, ==)
COMPARISON(notEqual, !=)
COMPARISON(greater, >)
COMPARISON(greaterEqual, >=)
COMPARISON(less, <)
COMPARISON(lessEqual, <=)

#define BINARY_ENTRY(name) [BINARY_##name] = binary_##name,
#define COMPARE_ENTRY(name) [COMPARE_##name] = compare_##name,
BinaryLoop *const KERNEL(binary_loops)[] = {BINARY_OPS(BINARY_ENTRY)};
BinaryLoop *const KERNEL(compare_loops)[] = {COMPARE_OPS(COMPARE_ENTRY)};

typedef struct {
  BinaryLoop *loop;
  const float *a, *b;
  int64_t aStride, bStride; // within a row
  char *y;
  int size; // of an element of y
} Binary;

static void row(const void *context, int64_t aOffset, int64_t bOffset, int64_t at, int64_t count) {
  const Binary *c = context;
  c->loop(c->a + aOffset, c->aStride, c->b + bOffset, c->bStride, c->y + at * c->size, count);
}

static void run(BinaryLoop *loop, const Broadcast *shape, const float *a, const float *b, void *y, int size) {
  const int last = shape->rank - 1;
  for_rows(shape, row, &(Binary){loop, a, b, shape->a[last], shape->b[last], y, size});
}

void KERNEL(binary)(BinaryOp op, const Broadcast *shape, const float *a, const float *b, float *y) {
  run(KERNEL(binary_loops)[op], shape, a, b, y, sizeof(float));
}

void KERNEL(compare)(CompareOp op, const Broadcast *shape, const float *a, const float *b, uint8_t *y) {
  run(KERNEL(compare_loops)[op], shape, a, b, y, 1);
}
