// 1x1 convolution of a blocked tensor to a dense one of few channels. Its cost is reading the input, once.
#include "../../scratch.h"
#include "../../threads.h"
#include "../kernels.h"
#include "../panels.h"
#include "head.h"
#include "stream.h"

enum { FLOATS_PER_TASK = 32 << 10 };

typedef struct {
  BlockedShape s;
  int outputs;
  const float *x, *weights, *bias;
  float *y;
} Call;

// y[p] for `count` ≤ VL neighbouring pixels and one output channel: each lane of a pixel's sum adds every VL-th channel,
// then the lanes of all pixels are added at once.
INLINE vf pixels_of(const Call *c, const float *x, const float *weights, int count) {
  vf sums[VL];
  UNROLL(16) for (int p = 0; p < VL; p++) sums[p] = v_set(0);
  for (int64_t block = 0; block < blocked_blocks(c->s); block++, x += blocked_block_stride(c->s), weights += BLOCK)
    UNROLL(4) for (int v = 0; v < BLOCK; v += VL) {
      const vf w = v_load(weights + v);
      UNROLL(16) for (int p = 0; p < VL; p++) {
        if (v == 0) prefetch(x + (p + AHEAD) * BLOCK);
        if (p < count) sums[p] = v_fma(v_load(x + p * BLOCK + v), w, sums[p]);
      }
    }
  return v_sums(sums);
}

static void rows(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  const Call *c = context;
  const BlockedShape s = c->s;
  for (int64_t row = begin; row < end; row++)
    for (int64_t at = 0; at < s.width; at += VL) {
      const int count = (int)smaller(VL, s.width - at);
      const float *x = c->x + blocked_offset(s, row / s.height, 0, row % s.height, at);
      float *y = c->y + (row * s.width + at) * c->outputs;
      for (int64_t o = 0; o < c->outputs; o++) {
        const float *weights = c->weights + o * s.channels;
        const vf bias = v_set(c->bias ? c->bias[o] : 0);
        const vf result = (count == VL ? pixels_of(c, x, weights, VL) : pixels_of(c, x, weights, count)) + bias;
        if (c->outputs == 1 && count == VL) v_store(y, result);
        else for (int p = 0; p < count; p++) y[p * c->outputs + o] = result[p];
      }
    }
}

int KERNEL(head)(BlockedShape shape, int outputs, const float *x, const float *filter, const float *bias, float *y) {
  float *weights = head_weights(filter, shape.channels, outputs, outputs);
  if (!weights) return 1;
  Call c = {shape, outputs, x, weights, bias, y};
  parallel_for((int64_t)shape.batch * shape.height, larger(1, FLOATS_PER_TASK / ((int64_t)shape.width * shape.channels)), rows, &c);
  scratch_free(weights);
  return 0;
}
