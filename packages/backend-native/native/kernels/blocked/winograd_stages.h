// The three stages of a strip of tiles and a panel of output channels: inputs transformed, 36 products, results back.
#pragma once
#include "epilogue.h"
#include "prefetch.h"
#include "winograd.h"
#include "winograd_product.h"

enum { LINE = 16 }; // floats of a cache line: planes are one apart from a multiple of what would share a cache's sets

typedef struct {
  int64_t blocks, tiles, rowStride; // blocks of input channels; tiles of a full strip
  int64_t vStride, mStride;         // floats from product to product
} Stages;

static Stages stages_of(BlockedShape x, int64_t tilesPerStrip, int64_t outputBlocks) {
  const int64_t blocks = blocked_blocks(x), most = outputBlocks < PANEL_MOST ? outputBlocks : PANEL_MOST;
  return (Stages){blocks, tilesPerStrip, blocked_row_stride(x), blocks * tilesPerStrip * BLOCK + LINE, most * tilesPerStrip * BLOCK + LINE};
}

// ---- v[36][block][tile][16] ----

// Tiles behind the strip's last, up to a whole product, are zeros.
static void transform_inputs(const Stages *s, const Plane *planes, const Strip *strip, float *v) {
  const size_t behind = (size_t)(-strip->count % PANEL_ROWS + PANEL_ROWS) % PANEL_ROWS * BLOCK * sizeof(float);
  for (int64_t block = 0; block < s->blocks; block++, v += s->tiles * BLOCK) {
    for (int t = 0; t < strip->count; t++)
      UNROLL(4) for (int n = 0; n < BLOCK; n += VL)
        winograd_input(tile_window(planes[block], &strip->tiles[t]) + n, s->rowStride, v + t * BLOCK + n, s->vStride);
    for (int i = 0; behind && i < WINOGRAD_PRODUCTS; i++) memset(v + i * s->vStride + strip->count * BLOCK, 0, behind);
  }
}

// ---- m[36][vector][tile][VL] ----

// How many times `multiply` calls for what is to come.
INLINE int64_t product_calls(int count) { return (int64_t)WINOGRAD_PRODUCTS * ((count + PANEL_ROWS - 1) / PANEL_ROWS); }

// u[36][16 · blocks of input channels][16 · outputBlocks]
static void multiply(const Stages *s, int count, const float *v, const float *u, int64_t uStride, int outputBlocks, float *m, Prefetch *inputs,
                     Prefetch *masks) {
  Product *product = products_by_blocks[outputBlocks];
  for (int i = 0; i < WINOGRAD_PRODUCTS; i++, v += s->vStride, u += uStride, m += s->mStride)
    for (int t = 0; t < count; t += PANEL_ROWS) {
      prefetch_some(inputs);
      prefetch_some(masks);
      product(v + t * BLOCK, s->tiles * BLOCK, u, s->blocks, m + t * VL, s->tiles * VL);
    }
}

// ---- Back ----

static void finish_block(const Stages *s, const Epilogue *e, const Strip *strip, const float *m) {
  const int64_t vectorStride = s->tiles * VL;
  for (int t = 0; t < strip->count; t++, m += VL) {
    const Tile *tile = &strip->tiles[t];
    TileValues values __attribute__((aligned(64)));
    UNROLL(4) for (int n = 0; n < VECTORS; n++) {
      vf y[BLOCK_TILE][BLOCK_TILE];
      winograd_output(m + n * vectorStride, s->mStride, y);
      UNROLL(4) for (int i = 0; i < BLOCK_TILE; i++)
        UNROLL(4) for (int j = 0; j < BLOCK_TILE; j++)
          v_store(values.at[i][j] + n * VL, f_activate(y[i][j] + e->bias[n], e->activation, e->alpha));
    }
    if (tile->row == 0 && tile->column == 0) clear_image_edges(e, tile->image);
    write_tile(e, tile, &values);
    if (e->pooled.first) write_maxima(e, tile, &values);
  }
}

static void finish(const Stages *s, const Epilogue *epilogues, int blocks, const Strip *strip, const float *m) {
  for (int b = 0; b < blocks; b++) finish_block(s, &epilogues[b], strip, m + b * s->tiles * BLOCK);
  stream_end();
}
