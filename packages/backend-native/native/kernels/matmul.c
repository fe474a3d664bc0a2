// Batched matrix products as 1x1 correlations: a's rows are pixels, b's columns channels. A transposed `a` is turned first.
#include "../scratch.h"
#include "../threads.h"
#include "correlation.h"
#include "panels.h"

typedef struct {
  const float *from;
  float *to;
  int64_t rows, columns; // of `to`
} Turn;

enum { SQUARE = 16 };

static void turn_blocks(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  const Turn *t = context;
  for (int64_t row0 = begin; row0 < end; row0 += SQUARE)
    for (int64_t column0 = 0; column0 < t->columns; column0 += SQUARE)
      for (int64_t row = row0; row < smaller(row0 + SQUARE, end); row++)
        for (int64_t column = column0; column < smaller(column0 + SQUARE, t->columns); column++)
          t->to[row * t->columns + column] = t->from[column * t->rows + row];
}

int KERNEL(mat_mul)(const MatMulShape *s, const float *a, const float *b, float *y) {
  if (s->m == 0 || s->k == 0 || s->n == 0) { // an empty sum is 0
    memset(y, 0, (size_t)(s->batch * s->m * s->n) * sizeof(float));
    return 0;
  }
  const Correlation shape = {.batch = 1, .sourceHeight = 1, .sourceWidth = s->m, .depth = s->k, .height = 1, .width = s->m,
                             .channels = s->n, .filterHeight = 1, .filterWidth = 1, .strideHeight = 1, .strideWidth = 1,
                             .gapHeight = 1, .gapWidth = 1, .dilationHeight = 1, .dilationWidth = 1};
  float *turned = s->transposeA ? scratch_floats(s->m * s->k) : NULL;
  int missing = s->transposeA && !turned;
  for (int64_t i = 0; i < s->batch && !missing; i++) {
    const float *rows = a + i * s->strideA, *matrix = b + i * s->strideB;
    if (turned) {
      parallel_for(s->m, 4 * SQUARE, turn_blocks, &(Turn){rows, turned, s->m, s->k});
      rows = turned;
    }
    const Weights weights = s->transposeB ? (Weights){matrix, 0, 1, s->k} : (Weights){matrix, 0, s->n, 1};
    missing = KERNEL(correlate)(&shape, rows, weights, NULL, ACTIVATION_linear, 0, y + i * s->m * s->n);
  }
  scratch_free(turned);
  return missing;
}
