// What happens to a 4x4 tile of results on its way to memory: bias, activation, mask, and the maxima of 2x2 pixels.
#pragma once
#include <math.h>
#include "../functions.h"
#include "../panels.h"
#include "convolution.h"
#include "stream.h"
#include "planes.h"

// Where one block of 16 output channels goes.
typedef struct {
  BlockedShape shape, pooledShape;
  Plane y, mask, pooled;   // of mask and pooled, `first` is NULL where there is none
  vf bias[VECTORS];
  Activation activation;
  float alpha;
  int stream, streamPooled;
} Epilogue;

typedef struct {
  float at[BLOCK_TILE][BLOCK_TILE][BLOCK];
} TileValues;

// The zeros around an image.
static inline void clear_image_edges(const Epilogue *e, int64_t image) {
  blocked_clear_plane(e->y.first + image * e->y.imageStride, e->shape);
  if (e->pooled.first) blocked_clear_plane(e->pooled.first + image * e->pooled.imageStride, e->pooledShape);
}

// A tile by its first pixel.
typedef struct {
  int64_t image, row, column;
} Tile;

INLINE int64_t pixel_offset(Plane p, BlockedShape s, int64_t image, int64_t row, int64_t column) {
  return image * p.imageStride + (row + 1) * blocked_row_stride(s) + (column + 1) * BLOCK;
}

INLINE vf masked(vf value, const float *mask) { return v_select(v_load(mask) > 0, value, v_set(0)); }

// Rows and columns of the tile that the image has; where it ends, blocked_clear_plane has written zeros.
INLINE void write_tile(const Epilogue *e, Tile tile, const TileValues *values) {
  const int64_t rowStride = blocked_row_stride(e->shape);
  const int64_t rows = smaller(BLOCK_TILE, e->shape.height - tile.row), columns = smaller(BLOCK_TILE, e->shape.width - tile.column);
  float *y = e->y.first + pixel_offset(e->y, e->shape, tile.image, tile.row, tile.column);
  const float *mask = e->mask.first + pixel_offset(e->mask, e->shape, tile.image, tile.row, tile.column);
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < columns; j++)
      UNROLL(4) for (int n = 0; n < BLOCK; n += VL) {
        const int64_t at = i * rowStride + j * BLOCK + n;
        const vf value = v_load(values->at[i][j] + n);
        v_put(y + at, e->mask.first ? masked(value, mask + at) : value, e->stream);
      }
}

INLINE void write_maxima(const Epilogue *e, Tile tile, const TileValues *values) {
  const int64_t row = tile.row / 2, column = tile.column / 2, rowStride = blocked_row_stride(e->pooledShape);
  const int64_t rows = smaller(2, e->pooledShape.height - row), columns = smaller(2, e->pooledShape.width - column);
  float *y = e->pooled.first + pixel_offset(e->pooled, e->pooledShape, tile.image, row, column);
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < columns; j++)
      UNROLL(4) for (int n = 0; n < BLOCK; n += VL) {
        vf best = v_set(-INFINITY); // NaNs are never a maximum
        UNROLL(4) for (int k = 0; k < 4; k++) best = v_max(v_load(values->at[2 * i + k / 2][2 * j + k % 2] + n), best);
        v_put(y + i * rowStride + j * BLOCK + n, best, e->streamPooled);
      }
}

// Bias, activation and mask for a vector of one pixel: `n` is its place among the pixel's vectors.
INLINE void write_vector(const Epilogue *e, int64_t image, int64_t row, int64_t column, int n, vf value) {
  const int64_t at = n * VL + pixel_offset(e->y, e->shape, image, row, column);
  value = f_activate(value + e->bias[n], e->activation, e->alpha);
  v_store(e->y.first + at, e->mask.first ? masked(value, e->mask.first + at) : value);
}

// The maxima of two rows that are written.
static inline void pool_rows(const Epilogue *e, int64_t image, int64_t row) {
  const int64_t rowStride = blocked_row_stride(e->shape);
  const float *x = e->y.first + pixel_offset(e->y, e->shape, image, row, 0);
  float *y = e->pooled.first + pixel_offset(e->pooled, e->pooledShape, image, row / 2, 0);
  for (int64_t column = 0; column < e->pooledShape.width; column++, x += 2 * BLOCK, y += BLOCK)
    UNROLL(4) for (int n = 0; n < BLOCK; n += VL) {
      vf best = v_set(-INFINITY);
      UNROLL(4) for (int k = 0; k < 4; k++) best = v_max(v_load(x + k / 2 * rowStride + k % 2 * BLOCK + n), best);
      v_store(y + n, best);
    }
}

// One for each block of output channels.
static inline void list_epilogues(const BlockedConvolution *c, Epilogue *epilogue) {
  const BlockedShape all = {c->batch, c->height, c->width, blocked_output_channels(c)};
  const BlockedShape pooled = {c->batch, c->height / 2, c->width / 2, all.channels};
  int64_t at = 0; // of all blocks
  for (int i = 0; i < c->outputCount; i++) {
    const BlockedOutput *output = &c->outputs[i];
    BlockedShape shape = all;
    shape.channels = output->channels;
    for (int64_t block = 0; block < blocked_blocks(shape); block++, at++, epilogue++) {
      *epilogue = (Epilogue){.shape = shape, .pooledShape = pooled, .y = plane_of(output->data, shape, block),
                             .activation = c->activation, .alpha = c->alpha, .stream = is_streamed(output->data, shape)};
      if (output->mask) epilogue->mask = plane_of(output->mask, shape, block);
      if (c->pooled) epilogue->pooled = plane_of(c->pooled, pooled, at), epilogue->streamPooled = is_streamed(c->pooled, pooled);
      for (int n = 0; n < VECTORS; n++) epilogue->bias[n] = c->bias ? v_load(c->bias + at * BLOCK + n * VL) : v_set(0);
    }
  }
}
