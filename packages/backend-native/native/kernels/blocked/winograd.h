// Winograd's F(4x4, 3x3): 4x4 results of a 3x3 correlation from 6x6 inputs with 36 products instead of 144 (Lavin and Gray,
// 2015, equation 8):
//
//   Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A
//
// for the points 0, ±5/8, ±3/2, ∞, whose rounding errors are half those of the usual 0, ±1, ±2. All constants of A and B
// are exact in float32. Each function works on VL channels.
//
// Six by six values do not fit the registers. Where there are 32, rows are done in groups that share their inputs ({0}, {1, 2},
// {3, 4}, {5}), and the inputs are read again for each. Of 16 too few are left for that: columns, then rows, through memory.
#pragma once
#include "../isa.h"
#include "layout.h"

enum { WINOGRAD_PRODUCTS = 36 };

#define POINT_A 0.625f
#define POINT_B 1.5f
#define SQUARE_A (POINT_A * POINT_A)
#define SQUARE_B (POINT_B * POINT_B)

// ---- Bᵀ d B ----

// Rows 0 and 5 of Bᵀ.
INLINE vf winograd_end(vf d0, vf d2, vf d4) {
  return v_fma(v_set(SQUARE_A * SQUARE_B), d0, v_fma(v_set(-(SQUARE_A + SQUARE_B)), d2, d4));
}

// The two rows of ±point; the square is that of the other pair of points.
INLINE void winograd_pair(float point, float square, vf d1, vf d2, vf d3, vf d4, vf *plus, vf *minus) {
  const vf even = v_fma(v_set(-square), d2, d4), odd = v_fma(v_set(-square), d1, d3);
  *plus = v_fma(v_set(point), odd, even);
  *minus = v_fma(v_set(-point), odd, even);
}

// Bᵀ d of six values.
INLINE void winograd_input_line(const vf d[6], vf v[6]) {
  v[0] = winograd_end(d[0], d[2], d[4]);
  winograd_pair(POINT_A, SQUARE_B, d[1], d[2], d[3], d[4], &v[1], &v[2]);
  winograd_pair(POINT_B, SQUARE_A, d[1], d[2], d[3], d[4], &v[3], &v[4]);
  v[5] = winograd_end(d[1], d[3], d[5]);
}

INLINE void winograd_input_row(const vf d[6], float *v, int64_t stride) {
  vf row[6];
  winograd_input_line(d, row);
  UNROLL(6) for (int j = 0; j < 6; j++) v_store(v + j * stride, row[j]);
}

// x: the first of 6x6 pixels, `rowStride` floats from row to row. Value i of the 36 goes to v + i·stride.
INLINE void winograd_input(const float *x, int64_t rowStride, float *v, int64_t stride) {
#define PIXEL(i) v_load(x + (i)*rowStride + j * BLOCK)
#if VECTOR_REGISTERS == 32
  vf p[6], q[6];
  UNROLL(6) for (int j = 0; j < 6; j++) p[j] = winograd_end(PIXEL(0), PIXEL(2), PIXEL(4));
  winograd_input_row(p, v, stride);
  UNROLL(6) for (int j = 0; j < 6; j++)
    winograd_pair(POINT_A, SQUARE_B, PIXEL(1), PIXEL(2), PIXEL(3), PIXEL(4), &p[j], &q[j]);
  winograd_input_row(p, v + 6 * stride, stride), winograd_input_row(q, v + 12 * stride, stride);
  UNROLL(6) for (int j = 0; j < 6; j++)
    winograd_pair(POINT_B, SQUARE_A, PIXEL(1), PIXEL(2), PIXEL(3), PIXEL(4), &p[j], &q[j]);
  winograd_input_row(p, v + 18 * stride, stride), winograd_input_row(q, v + 24 * stride, stride);
  UNROLL(6) for (int j = 0; j < 6; j++) p[j] = winograd_end(PIXEL(1), PIXEL(3), PIXEL(5));
  winograd_input_row(p, v + 30 * stride, stride);
#else
  vf rows[6][6];
  UNROLL(1) for (int j = 0; j < 6; j++) { // unrolled, it would spill
    const vf column[6] = {PIXEL(0), PIXEL(1), PIXEL(2), PIXEL(3), PIXEL(4), PIXEL(5)};
    vf done[6];
    winograd_input_line(column, done);
    UNROLL(6) for (int i = 0; i < 6; i++) rows[i][j] = done[i];
  }
  UNROLL(1) for (int i = 0; i < 6; i++) winograd_input_row(rows[i], v + i * 6 * stride, stride);
#endif
#undef PIXEL
}

// ---- Aᵀ m A ----

INLINE void winograd_output_row(const vf m[6], vf y[4]) {
  const vf sumA = m[1] + m[2], sumB = m[3] + m[4], differenceA = m[1] - m[2], differenceB = m[3] - m[4];
  y[0] = m[0] + sumA + sumB;
  y[1] = v_fma(v_set(POINT_A), differenceA, v_set(POINT_B) * differenceB);
  y[2] = v_fma(v_set(SQUARE_A), sumA, v_set(SQUARE_B) * sumB);
  y[3] = v_fma(v_set(POINT_A * SQUARE_A), differenceA, v_fma(v_set(POINT_B * SQUARE_B), differenceB, m[5]));
}

// Value i of the 36 is at m + i·stride.
INLINE void winograd_output(const float *m, int64_t stride, vf y[4][4]) {
#define VALUE(i) v_load(m + ((i)*6 + j) * stride)
  vf p[6], q[6];
  UNROLL(6) for (int j = 0; j < 6; j++) {
    const vf sumA = VALUE(1) + VALUE(2), sumB = VALUE(3) + VALUE(4);
    p[j] = VALUE(0) + sumA + sumB;
    q[j] = v_fma(v_set(SQUARE_A), sumA, v_set(SQUARE_B) * sumB);
  }
  winograd_output_row(p, y[0]), winograd_output_row(q, y[2]);
  UNROLL(6) for (int j = 0; j < 6; j++) {
    const vf differenceA = VALUE(1) - VALUE(2), differenceB = VALUE(3) - VALUE(4);
    p[j] = v_fma(v_set(POINT_A), differenceA, v_set(POINT_B) * differenceB);
    q[j] = v_fma(v_set(POINT_A * SQUARE_A), differenceA, v_fma(v_set(POINT_B * SQUARE_B), differenceB, VALUE(5)));
  }
  winograd_output_row(p, y[1]), winograd_output_row(q, y[3]);
#undef VALUE
}

// ---- G g Gᵀ ----

// The rows of G: [1, x, x²] / Π (x − the other finite points), and [0, 0, 1] for ∞.
INLINE void winograd_filter_row(vf g0, vf g1, vf g2, vf u[6]) {
  const float scaleA = 1 / (2 * SQUARE_A * (SQUARE_A - SQUARE_B)), scaleB = 1 / (2 * SQUARE_B * (SQUARE_B - SQUARE_A));
  u[0] = g0 * v_set(1 / (SQUARE_A * SQUARE_B));
  const vf evenA = v_fma(v_set(scaleA * SQUARE_A), g2, g0 * v_set(scaleA)), oddA = g1 * v_set(scaleA * POINT_A);
  u[1] = evenA + oddA, u[2] = evenA - oddA;
  const vf evenB = v_fma(v_set(scaleB * SQUARE_B), g2, g0 * v_set(scaleB)), oddB = g1 * v_set(scaleB * POINT_B);
  u[3] = evenB + oddB, u[4] = evenB - oddB;
  u[5] = g2;
}

// g: the 3x3 taps in row-major order. Value i of the 36 goes to u + i·stride.
INLINE void winograd_filter(const vf g[9], float *u, int64_t stride) {
  vf columns[3][6];
  UNROLL(3) for (int j = 0; j < 3; j++) winograd_filter_row(g[j], g[3 + j], g[6 + j], columns[j]);
  UNROLL(6) for (int i = 0; i < 6; i++) {
    vf row[6];
    winograd_filter_row(columns[0][i], columns[1][i], columns[2][i], row);
    UNROLL(6) for (int j = 0; j < 6; j++) v_store(u + (i * 6 + j) * stride, row[j]);
  }
}
