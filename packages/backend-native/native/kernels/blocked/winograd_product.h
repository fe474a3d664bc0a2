// One of the 36 matrix products of some tiles: m[tile][output] = Σ_k v[tile][k] · u[k][output], in registers.
#pragma once
#include "panel.h"

// v: [blocks][…][16], vStride floats from block to block; u: [16 · blocks][vectors][VL]; m: [vectors][…][VL].
INLINE void winograd_product(int vectors, const float *v, int64_t vStride, const float *u, int64_t blocks, float *m, int64_t mStride) {
  vf sums[PANEL_ROWS][PANEL_VECTORS];
  UNROLL(8) for (int t = 0; t < PANEL_ROWS; t++)
    UNROLL(4) for (int n = 0; n < vectors; n++) sums[t][n] = v_set(0);
  for (int64_t block = 0; block < blocks; block++, v += vStride)
    UNROLL(2) for (int k = 0; k < BLOCK; k++, u += vectors * VL) {
      vf weights[PANEL_VECTORS];
      UNROLL(4) for (int n = 0; n < vectors; n++) weights[n] = v_load(u + n * VL);
      UNROLL(8) for (int t = 0; t < PANEL_ROWS; t++) {
        const vf x = v_set(v[t * BLOCK + k]);
        UNROLL(4) for (int n = 0; n < vectors; n++) sums[t][n] = v_fma(x, weights[n], sums[t][n]);
      }
    }
  UNROLL(4) for (int n = 0; n < vectors; n++)
    UNROLL(8) for (int t = 0; t < PANEL_ROWS; t++) v_store(m + n * mStride + t * VL, sums[t][n]);
}

typedef void Product(const float *v, int64_t vStride, const float *u, int64_t blocks, float *m, int64_t mStride);
#define DEFINE_PRODUCT(count)                                                                                               \
  static void product##count(const float *v, int64_t vStride, const float *u, int64_t blocks, float *m, int64_t mStride) { \
    winograd_product(count * VECTORS, v, vStride, u, blocks, m, mStride);                                                   \
  }
DEFINE_PRODUCT(1)
#if PANEL_MOST == 3
DEFINE_PRODUCT(2)
DEFINE_PRODUCT(3)
static Product *const products_by_blocks[] = {NULL, product1, product2, product3}; // of a panel
#else
static Product *const products_by_blocks[] = {NULL, product1};
#endif
