// The transposes of winograd.h's transforms, for the gradient by the filter. From Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A follows
//
//   dg = Gᵀ [(A dY Aᵀ) ⊙ (Bᵀ d B)] G
//
// summed over tiles between the brackets and Gᵀ…G. Each function works on VL channels.
#pragma once
#include "winograd.h"

// ---- A dY Aᵀ ----

// The two rows of ±point.
INLINE void winograd_spread_pair(float point, vf y0, vf y1, vf y2, vf y3, vf *plus, vf *minus) {
  const vf square = v_set(point * point), even = v_fma(square, y2, y0), odd = v_fma(square, y3, y1);
  *plus = v_fma(v_set(point), odd, even);
  *minus = v_fma(v_set(-point), odd, even);
}

INLINE void winograd_spread_row(const vf y[4], float *z, int64_t stride) {
  vf plus, minus;
  v_store(z, y[0]);
  winograd_spread_pair(POINT_A, y[0], y[1], y[2], y[3], &plus, &minus);
  v_store(z + stride, plus), v_store(z + 2 * stride, minus);
  winograd_spread_pair(POINT_B, y[0], y[1], y[2], y[3], &plus, &minus);
  v_store(z + 3 * stride, plus), v_store(z + 4 * stride, minus);
  v_store(z + 5 * stride, y[3]);
}

// dy: the first of 4x4 pixels, `rowStride` floats from row to row. Value i of the 36 goes to z + i·stride. Returns the sum
// of the 16 pixels.
INLINE vf winograd_spread(const float *dy, int64_t rowStride, float *z, int64_t stride) {
#define PIXEL(i) v_load(dy + (i)*rowStride + j * BLOCK)
  vf p[4], q[4], sum = v_set(0);
  UNROLL(4) for (int j = 0; j < 4; j++) p[j] = PIXEL(0);
  winograd_spread_row(p, z, stride);
  UNROLL(4) for (int j = 0; j < 4; j++) {
    sum += (PIXEL(0) + PIXEL(1)) + (PIXEL(2) + PIXEL(3));
    winograd_spread_pair(POINT_A, PIXEL(0), PIXEL(1), PIXEL(2), PIXEL(3), &p[j], &q[j]);
  }
  winograd_spread_row(p, z + 6 * stride, stride), winograd_spread_row(q, z + 12 * stride, stride);
  UNROLL(4) for (int j = 0; j < 4; j++) winograd_spread_pair(POINT_B, PIXEL(0), PIXEL(1), PIXEL(2), PIXEL(3), &p[j], &q[j]);
  winograd_spread_row(p, z + 18 * stride, stride), winograd_spread_row(q, z + 24 * stride, stride);
  UNROLL(4) for (int j = 0; j < 4; j++) p[j] = PIXEL(3);
  winograd_spread_row(p, z + 30 * stride, stride);
#undef PIXEL
  return sum;
}

// ---- Gᵀ u G ----

INLINE void winograd_filter_gradient_row(const vf u[6], vf g[3]) {
  const float scaleA = 1 / (2 * SQUARE_A * (SQUARE_A - SQUARE_B)), scaleB = 1 / (2 * SQUARE_B * (SQUARE_B - SQUARE_A));
  const vf sumA = u[1] + u[2], sumB = u[3] + u[4];
  g[0] = v_fma(v_set(1 / (SQUARE_A * SQUARE_B)), u[0], v_fma(v_set(scaleA), sumA, v_set(scaleB) * sumB));
  g[1] = v_fma(v_set(scaleA * POINT_A), u[1] - u[2], v_set(scaleB * POINT_B) * (u[3] - u[4]));
  g[2] = v_fma(v_set(scaleA * SQUARE_A), sumA, v_fma(v_set(scaleB * SQUARE_B), sumB, u[5]));
}

// Value i of the 36 is at u + i·stride; tap t of the 9 goes to g + t·tapStride.
INLINE void winograd_filter_gradient(const float *u, int64_t stride, float *g, int64_t tapStride) {
  vf rows[6][3];
  UNROLL(6) for (int i = 0; i < 6; i++) {
    vf row[6];
    UNROLL(6) for (int j = 0; j < 6; j++) row[j] = v_load(u + (i * 6 + j) * stride);
    winograd_filter_gradient_row(row, rows[i]);
  }
  UNROLL(3) for (int j = 0; j < 3; j++) {
    vf column[6], taps[3];
    UNROLL(6) for (int i = 0; i < 6; i++) column[i] = rows[i][j];
    winograd_filter_gradient_row(column, taps);
    UNROLL(3) for (int i = 0; i < 3; i++) v_store(g + (i * 3 + j) * tapStride, taps[i]);
  }
}
