// The inner loop of gradients by a filter: sums[i][o] += Σ_t a[t][i]·b[t][o] for the BLOCK channels i of a and the channels
// o of a panel of b, one to PANEL_MOST blocks. The registers begin at zero and are added to what is there behind the loop:
// a sum of sums is more accurate than one long sum.
#pragma once
#include "panel.h"

// Rows by vectors: what fits the registers beside a row of b.
#if VL == 16
#define OUTER_ROWS(vectors) ((vectors) == 1 ? 16 : 8)
#define OUTER_VECTORS PANEL_MOST
#else
#define OUTER_VECTORS 2
#if defined(NEON)
#define OUTER_ROWS(vectors) 8
#elif VL == 8
#define OUTER_ROWS(vectors) 6
#else
#define OUTER_ROWS(vectors) 4
#endif
#endif

// The vectors of b lie side by side in a block, or one in each block. Where the sums are is asked for first: they are
// seldom in the first-level cache.
INLINE void outer_rows(int rows, int vectors, int64_t tiles, const float *a, const float *b, int64_t bBlock, float *sums,
                       int64_t pitch, int first) {
  vf totals[BLOCK][OUTER_VECTORS];
  UNROLL_WHOLE for (int i = 0; i < rows; i++)
    UNROLL_WHOLE for (int v = 0; v < vectors; v++) totals[i][v] = v_set(0), prefetch_write(sums + i * pitch + v * VL);
  for (int64_t t = 0; t < tiles; t++, a += BLOCK, b += BLOCK) {
    vf bs[OUTER_VECTORS];
    UNROLL_WHOLE for (int v = 0; v < vectors; v++) bs[v] = v_load(b + v * (VL == BLOCK ? bBlock : VL));
    UNROLL_WHOLE for (int i = 0; i < rows; i++) {
      const vf ai = v_set(a[i]);
      UNROLL_WHOLE for (int v = 0; v < vectors; v++) totals[i][v] = v_fma(ai, bs[v], totals[i][v]);
    }
  }
  UNROLL_WHOLE for (int i = 0; i < rows; i++)
    UNROLL_WHOLE for (int v = 0; v < vectors; v++) {
      float *to = sums + i * pitch + v * VL;
      v_store(to, first ? totals[i][v] : v_load(to) + totals[i][v]);
    }
}

// sums: [BLOCK][blocks·BLOCK]. Block i of b's panel is at b + i·bBlock.
INLINE void outer_panel(int blocks, int64_t tiles, const float *a, const float *b, int64_t bBlock, float *sums, int first) {
  const int pitch = blocks * BLOCK, vectors = pitch / VL < OUTER_VECTORS ? pitch / VL : OUTER_VECTORS;
  const int rows = OUTER_ROWS(vectors), rest = BLOCK % rows;
  for (int o = 0; o < pitch; o += vectors * VL) {
    UNROLL_WHOLE for (int i = 0; i + rows <= BLOCK; i += rows)
      outer_rows(rows, vectors, tiles, a + i, b + o, bBlock, sums + i * pitch + o, pitch, first);
    if (rest) outer_rows(rest, vectors, tiles, a + BLOCK - rest, b + o, bBlock, sums + (BLOCK - rest) * pitch + o, pitch, first);
  }
}

typedef void OuterPanel(int64_t tiles, const float *a, const float *b, int64_t bBlock, float *sums, int first);
#define DEFINE_OUTER_PANEL(blocks)                                                                                          \
  static void outer_panel##blocks(int64_t tiles, const float *a, const float *b, int64_t bBlock, float *sums, int first) { \
    outer_panel(blocks, tiles, a, b, bBlock, sums, first);                                                                  \
  }
DEFINE_OUTER_PANEL(1)
#if PANEL_MOST == 3
DEFINE_OUTER_PANEL(2)
DEFINE_OUTER_PANEL(3)
static OuterPanel *const outer_panels[] = {NULL, outer_panel1, outer_panel2, outer_panel3};
#else
static OuterPanel *const outer_panels[] = {NULL, outer_panel1};
#endif
