// Choices, constants, casts and sums of several tensors.
#include "../threads.h"
#include "functions.h"
#include "kernels.h"

enum { GRAIN = 1 << 14 }; // elements, a multiple of every vector's length

typedef struct {
  const uint8_t *condition;
  const float *a, *b;
  float *y;
  int conditionStride, aStride, bStride;
} Select;

static void select_chunk(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  const Select *c = context;
  int64_t i = begin;
  if (c->conditionStride && c->aStride && c->bStride)
    for (; i + VL <= end; i += VL)
      v_store(c->y + i, v_select(v_mask(c->condition + i), v_load(c->a + i), v_load(c->b + i)));
  for (; i < end; i++)
    c->y[i] = c->condition[i * c->conditionStride] ? c->a[i * c->aStride] : c->b[i * c->bStride];
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

#define CAST(type)                                                                            \
  typedef struct {                                                                            \
    const type##_t *x;                                                                        \
    float *y;                                                                                 \
  } Cast_##type;                                                                              \
  static void cast_##type##_chunk(void *context, int64_t begin, int64_t end, int thread) {    \
    (void)thread;                                                                             \
    const Cast_##type *c = context;                                                           \
    for (int64_t i = begin; i < end; i++) c->y[i] = (float)c->x[i];                           \
  }                                                                                           \
  void KERNEL(cast_##type)(const type##_t *x, float *y, int64_t count) {                      \
    parallel_for(count, GRAIN, cast_##type##_chunk, &(Cast_##type){x, y});                    \
  }
CAST(uint8)
CAST(int32)

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
