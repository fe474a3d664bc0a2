// Sums, maxima and minima of a band of values, as reduce.c and chains take them. A band is summed in float by a few
// independent vectors; bands are added in double, in their order.
#pragma once
#include <math.h>
#include "functions.h"
#include "operations.h"

enum { BAND = 1 << 13 }; // elements: a multiple of 4·VL

INLINE vf combine(ReduceOp op, vf a, vf b) {
  if (op == REDUCE_max) return v_select(f_is_nan(a) | (a > b), a, b);
  if (op == REDUCE_min) return v_select(f_is_nan(a) | (a < b), a, b);
  return a + b;
}

static inline double combine_scalar(ReduceOp op, double a, double b) {
  if (op == REDUCE_max) return a != a || a > b ? a : b;
  if (op == REDUCE_min) return a != a || a < b ? a : b;
  return a + b;
}

static inline double neutral(ReduceOp op) { return op == REDUCE_max ? -INFINITY : op == REDUCE_min ? INFINITY : 0; }

// The vectors of a band. Any number of values may come in pieces: multiples of 4·VL, but for the last one.
typedef struct {
  vf sums[4];
} Run;

INLINE void run_start(ReduceOp op, Run *run) {
  for (int k = 0; k < 4; k++) run->sums[k] = v_set((float)neutral(op));
}

INLINE void run_more(ReduceOp op, Run *run, const float *x, int64_t count) {
  int64_t i = 0;
  for (; i + 4 * VL <= count; i += 4 * VL)
    UNROLL(4)
    for (int k = 0; k < 4; k++) run->sums[k] = combine(op, run->sums[k], v_load(x + i + k * VL));
  for (; i + VL <= count; i += VL) run->sums[0] = combine(op, run->sums[0], v_load(x + i));
}

// The band's result; `rest`: its last values, fewer than VL, that made no vector.
INLINE double run_end(ReduceOp op, const Run *run, const float *rest, int64_t count) {
  const vf *sums = run->sums, sum = combine(op, combine(op, sums[0], sums[1]), combine(op, sums[2], sums[3]));
  double result = sum[0];
  for (int k = 1; k < VL; k++) result = combine_scalar(op, result, (double)sum[k]);
  for (int64_t i = 0; i < count; i++) result = combine_scalar(op, result, (double)rest[i]);
  return result;
}
