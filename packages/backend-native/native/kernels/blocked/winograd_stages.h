// The three stages of a strip of tiles and a panel of output channels: inputs transformed, 36 products, results back.
#pragma once
#include "epilogue.h"
#include "runs.h"
#include "winograd.h"
#include "winograd_product.h"

enum { LINE = 16 }; // floats of a cache line: one more from product to product, or all would fall on the same sets of a cache

typedef struct {
  Tiled in;
  int64_t tiles;            // of a full strip
  int64_t vStride, mStride; // floats from product to product
} Stages;

static Stages stages_of(const Plane *planes, BlockedShape x, int64_t tilesPerStrip, int64_t panelBlocks) {
  const int64_t blocks = blocked_blocks(x), tileFloats = tilesPerStrip * BLOCK;
  return (Stages){{planes, blocks, blocked_row_stride(x), BLOCK_TILE}, tilesPerStrip, blocks * tileFloats + LINE, panelBlocks * tileFloats + LINE};
}

// ---- v[36][block][tile][16] ----

// Of one block. Tiles behind the strip's last, up to a whole product, are zeros.
static void transform_input(const Stages *s, int64_t block, const Runs *strip, float *v) {
  v += block * s->tiles * BLOCK;
  for (const Run *r = strip->runs; r < strip->runs + strip->count; r++) {
    const float *window = run_pixels(&s->in, block, r) - s->in.rowStride - BLOCK;
    for (int64_t t = 0; t < r->tiles; t++, window += BLOCK_TILE * BLOCK, v += BLOCK)
      UNROLL(4) for (int n = 0; n < BLOCK; n += VL) winograd_input(window + n, s->in.rowStride, v + n, s->vStride);
  }
  const size_t behind = (size_t)(round_up(strip->tiles, PANEL_ROWS) - strip->tiles) * BLOCK * sizeof(float);
  for (int i = 0; behind && i < WINOGRAD_PRODUCTS; i++) memset(v + i * s->vStride, 0, behind);
}

// ---- m[36][vector][tile][VL] ----

// What to read ahead with each product, so that all is asked for behind `panels` panels.
typedef struct {
  Ahead ahead;
  int64_t lines;
} Reading;

static Reading reading_of(const Tiled *tensor, const Runs *strip, int lead, int64_t tiles, int64_t panels) {
  const int64_t products = WINOGRAD_PRODUCTS * (round_up(tiles, PANEL_ROWS) / PANEL_ROWS) * panels;
  return (Reading){{.tensor = tensor, .runs = strip, .lead = lead}, (ahead_lines(tensor, strip) + products - 1) / products};
}

// u[36][16 · blocks of input channels][16 · outputBlocks]
static void multiply(const Stages *s, int64_t count, const float *v, const float *u, int64_t uStride, int outputBlocks, float *m,
                     Reading *inputs, Reading *masks) {
  Product *product = products_by_blocks[outputBlocks];
  for (int i = 0; i < WINOGRAD_PRODUCTS; i++, v += s->vStride, u += uStride, m += s->mStride)
    for (int64_t t = 0; t < count; t += PANEL_ROWS) {
      read_ahead(&inputs->ahead, inputs->lines);
      read_ahead(&masks->ahead, masks->lines);
      product(v + t * BLOCK, s->tiles * BLOCK, u, s->in.blocks, m + t * VL, s->tiles * VL);
    }
}

// ---- Back ----

static void finish_tile(const Stages *s, const Epilogue *e, Tile tile, const float *m) {
  TileValues values __attribute__((aligned(64)));
  UNROLL(4) for (int n = 0; n < VECTORS; n++) {
    vf y[BLOCK_TILE][BLOCK_TILE];
    winograd_output(m + n * s->tiles * VL, s->mStride, y);
    UNROLL(4) for (int i = 0; i < BLOCK_TILE; i++)
      UNROLL(4) for (int j = 0; j < BLOCK_TILE; j++)
        v_store(values.at[i][j] + n * VL, f_activate(y[i][j] + e->bias[n], e->activation, e->alpha));
  }
  write_tile(e, tile, &values);
  if (e->pooled.first) write_maxima(e, tile, &values);
}

static void finish(const Stages *s, const Epilogue *epilogues, int blocks, const Runs *strip, const float *m) {
  for (const Epilogue *e = epilogues; e < epilogues + blocks; e++, m += s->tiles * BLOCK) {
    const float *from = m;
    for (const Run *r = strip->runs; r < strip->runs + strip->count; r++) {
      if (r->row == 0 && r->column == 0) clear_image_edges(e, r->image);
      for (int64_t t = 0; t < r->tiles; t++, from += VL)
        finish_tile(s, e, (Tile){r->image, r->row * BLOCK_TILE, (r->column + t) * BLOCK_TILE}, from);
    }
  }
  stream_end();
}
