// Between dense (NHWC) and blocked tensors, row by row.
#include "../kernels.h"
#include "../../threads.h"

typedef struct {
  BlockedShape shape;
  const float *from;
  float *to;
} Conversion;

enum { FLOATS_PER_TASK = 1 << 14 };

INLINE void copy_pixels(const float *from, int64_t fromStride, float *to, int64_t toStride, int64_t count) {
  for (int64_t i = 0; i < count; i++, from += fromStride, to += toStride)
    UNROLL(4) for (int v = 0; v < BLOCK; v += VL) v_store(to + v, v_load(from + v));
}

static void to_blocked_rows(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  const Conversion *c = context;
  const BlockedShape s = c->shape;
  for (int64_t row = begin; row < end; row++) {
    const int64_t image = row / s.height, y = row % s.height;
    const float *from = c->from + row * s.width * s.channels;
    for (int64_t block = 0; block < blocked_blocks(s); block++) {
      if (y == 0) blocked_clear_edges(c->to, s, image, block);
      copy_pixels(from + block * BLOCK, s.channels, c->to + blocked_offset(s, image, block, y, 0), BLOCK, s.width);
    }
  }
}

static void to_dense_rows(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  const Conversion *c = context;
  const BlockedShape s = c->shape;
  for (int64_t row = begin; row < end; row++) {
    float *to = c->to + row * s.width * s.channels;
    for (int64_t block = 0; block < blocked_blocks(s); block++)
      copy_pixels(c->from + blocked_offset(s, row / s.height, block, row % s.height, 0), BLOCK, to + block * BLOCK, s.channels, s.width);
  }
}

static void convert(BlockedShape s, const float *from, float *to, void (*rows)(void *, int64_t, int64_t, int)) {
  Conversion c = {s, from, to};
  const int64_t rowsPerTask = FLOATS_PER_TASK / ((int64_t)s.width * s.channels);
  parallel_for((int64_t)s.batch * s.height, rowsPerTask < 1 ? 1 : rowsPerTask, rows, &c);
}

void KERNEL(to_blocked)(BlockedShape s, const float *x, float *y) { convert(s, x, y, to_blocked_rows); }
void KERNEL(to_dense)(BlockedShape s, const float *x, float *y) { convert(s, x, y, to_dense_rows); }
