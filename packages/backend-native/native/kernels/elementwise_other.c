// Choices, constants, casts and sums of several tensors.
#include "../threads.h"
#include "functions.h"
#include "kernels.h"
#include "loops.h"

enum { GRAIN = 1 << 14 }; // elements, a multiple of every vector's length

void KERNEL(select_loop)(const uint8_t *condition, int64_t conditionStride, const float *a, int64_t aStride, const float *b,
                         int64_t bStride, float *y, int64_t count) {
  int64_t i = 0;
  if (conditionStride)
    for (; i + VL <= count; i += VL)
      v_store(y + i, v_select(v_mask(condition + i), aStride ? v_load(a + i) : v_set(*a), bStride ? v_load(b + i) : v_set(*b)));
  for (; i < count; i++) y[i] = condition[i * conditionStride] ? a[i * aStride] : b[i * bStride];
}

typedef struct {
  const uint8_t *condition;
  const float *a, *b;
  float *y;
  int conditionStride, aStride, bStride;
} Select;

static void select_chunk(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  const Select *c = context;
  KERNEL(select_loop)(c->condition + begin * c->conditionStride, c->conditionStride, c->a + begin * c->aStride, c->aStride,
                      c->b + begin * c->bStride, c->bStride, c->y + begin, end - begin);
}

void KERNEL(select)(const uint8_t *condition, const float *a, const float *b, float *y, int64_t count,
                    int conditionStride, int aStride, int bStride) {
  parallel_for(count, GRAIN, select_chunk, &(Select){condition, a, b, y, conditionStride, aStride, bStride});
}

typedef struct {
  float value, *y;
} Fill;

static void fill_chunk(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  const Fill *c = context;
  for (int64_t i = begin; i < end; i++) c->y[i] = c->value;
}

void KERNEL(fill)(float value, float *y, int64_t count) { parallel_for(count, GRAIN, fill_chunk, &(Fill){value, y}); }

#define CAST(type, element)                                                                   \
  typedef struct {                                                                            \
    const type##_t *x;                                                                        \
    float *y;                                                                                 \
  } Cast_##type;                                                                              \
  static void cast_##type##_chunk(void *context, int64_t begin, int64_t end, int thread) {    \
    (void)thread;                                                                             \
    const Cast_##type *c = context;                                                           \
    KERNEL(cast_loops)[element][ELEMENT_FLOAT](c->x + begin, c->y + begin, end - begin);      \
  }                                                                                           \
  void KERNEL(cast_##type)(const type##_t *x, float *y, int64_t count) {                      \
    parallel_for(count, GRAIN, cast_##type##_chunk, &(Cast_##type){x, y});                    \
  }
CAST(uint8, ELEMENT_BOOL)
CAST(int32, ELEMENT_INT)

typedef struct {
  const float *const *x;
  int inputs;
  float *y;
} AddN;

static void add_n_chunk(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  const AddN *c = context;
  int64_t i = begin;
  for (; i + VL <= end; i += VL) {
    vf sum = v_load(c->x[0] + i);
    for (int k = 1; k < c->inputs; k++) sum += v_load(c->x[k] + i);
    v_store(c->y + i, sum);
  }
  for (; i < end; i++) {
    float sum = c->x[0][i];
    for (int k = 1; k < c->inputs; k++) sum += c->x[k][i];
    c->y[i] = sum;
  }
}

void KERNEL(add_n)(const float *const *x, int inputs, float *y, int64_t count) {
  parallel_for(count, GRAIN, add_n_chunk, &(AddN){x, inputs, y});
}
