// Nearest doubling and a 2x2 convolution (SAME: zeros behind the last row and column) in one, as a Winograd form of its own.
// In one dimension pixels 2i and 2i + 1 of y see x[i] twice, and x[i] and x[i + 1]:
//
//   y[2i]     = (w0 + w1)·x[i]          = P0         P0 = (w0 + w1)·x[i]
//   y[2i + 1] = w0·x[i] + w1·x[i + 1]   = P0 + P1    P1 = w1·(x[i + 1] − x[i])
//
// Two products for two results, and 4 instead of 16 for 2x2 results. Products are numbered 2·(the rows') + (the columns').
// Transforms only add, so that errors are below those of the definition. Each function works on VL channels.
#pragma once
#include "../isa.h"
#include "layout.h"

enum { UPSAMPLED_PRODUCTS = 4, UPSAMPLED_TAPS = 4 };

// ---- Forward: y = spread(filter(w) · input(x)) ----

// x: a pixel, with those to its right and below. Value i of the 4 goes to v + i·stride.
INLINE void upsampled_input(const float *x, int64_t rowStride, float *v, int64_t stride) {
  const vf here = v_load(x), right = v_load(x + BLOCK), below = v_load(x + rowStride), across = v_load(x + rowStride + BLOCK);
  v_store(v, here), v_store(v + stride, right - here);
  v_store(v + 2 * stride, below - here), v_store(v + 3 * stride, (across - below) - (right - here));
}

// Tiles are neighbours in a row; value i of tile t goes to v[i·stride + t·BLOCK], all channels of a block.
static inline void upsampled_inputs(const float *x, int64_t rowStride, int64_t tiles, float *v, int64_t stride) {
  for (int64_t t = 0; t < tiles; t++, x += BLOCK, v += BLOCK)
    UNROLL(4) for (int n = 0; n < BLOCK; n += VL) upsampled_input(x + n, rowStride, v + n, stride);
}

// w: the 2x2 taps in row-major order.
INLINE void upsampled_filter(const vf w[UPSAMPLED_TAPS], float *u, int64_t stride) {
  const vf right = w[1] + w[3], below = w[2] + w[3];
  v_store(u, (w[0] + w[2]) + right), v_store(u + stride, right), v_store(u + 2 * stride, below), v_store(u + 3 * stride, w[3]);
}

// The 2x2 results, in row-major order, of the products at m + i·stride.
INLINE void upsampled_output(const float *m, int64_t stride, vf y[4]) {
  const vf m0 = v_load(m), m1 = v_load(m + stride), m2 = v_load(m + 2 * stride), m3 = v_load(m + 3 * stride);
  y[0] = m0, y[1] = m0 + m1, y[2] = m0 + m2, y[3] = (m0 + m1) + (m2 + m3);
}

// ---- Gradients, by transposing ----

// By the filter: what `upsampled_output` makes of products. dy: the first of 2x2 pixels. Returns their sum, value 0.
INLINE vf upsampled_spread(const float *dy, int64_t rowStride, float *z, int64_t stride) {
  const vf y00 = v_load(dy), y01 = v_load(dy + BLOCK), y10 = v_load(dy + rowStride), y11 = v_load(dy + rowStride + BLOCK);
  const vf below = y10 + y11, sum = (y00 + y01) + below;
  v_store(z, sum), v_store(z + stride, y01 + y11), v_store(z + 2 * stride, below), v_store(z + 3 * stride, y11);
  return sum;
}

// By the filter: what `upsampled_filter` makes of taps. Value i of the 4 is at u + i·stride; tap t goes to g + t·tapStride.
INLINE void upsampled_filter_gradient(const float *u, int64_t stride, float *g, int64_t tapStride) {
  const vf u0 = v_load(u), u1 = v_load(u + stride), u2 = v_load(u + 2 * stride), u3 = v_load(u + 3 * stride);
  v_store(g, u0), v_store(g + tapStride, u0 + u1), v_store(g + 2 * tapStride, u0 + u2);
  v_store(g + 3 * tapStride, (u0 + u1) + (u2 + u3));
}

// By the input: both `upsampled_output` and `upsampled_input`, which leaves one product over all four values:
//
//   dx[i] = (w0 + w1)·(dy[2i] + dy[2i + 1]) + w1·(dy[2i − 1] − dy[2i + 1])
//
// dy: the first of 2x2 pixels.
INLINE void upsampled_gradient_input(const float *dy, int64_t rowStride, float *v, int64_t stride) {
  vf sums[3], differences[3]; // over the columns, of the rows −1, 0 and 1
  UNROLL(3) for (int i = 0; i < 3; i++) {
    const float *row = dy + (i - 1) * rowStride;
    const vf last = v_load(row + BLOCK);
    sums[i] = v_load(row) + last;
    differences[i] = v_load(row - BLOCK) - last;
  }
  v_store(v, sums[1] + sums[2]), v_store(v + stride, differences[1] + differences[2]);
  v_store(v + 2 * stride, sums[0] - sums[2]), v_store(v + 3 * stride, differences[0] - differences[2]);
}
