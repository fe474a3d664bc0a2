// What happens to a 4x4 tile of results on its way to memory: bias, activation, mask, and the maxima of 2x2 pixels.
#pragma once
#include <math.h>
#include "../functions.h"
#include "convolution.h"
#include "stream.h"
#include "tiles.h"

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

INLINE int shorter(int a, int b) { return a < b ? a : b; }

// Rows and columns of the tile's pixels that the image has; the others are zeros that blocked_clear_edges writes.
INLINE void write_tile(const Epilogue *e, const Tile *tile, const TileValues *values) {
  const int64_t rowStride = blocked_row_stride(e->shape);
  float *y = tile_pixels(e->y, tile, rowStride);
  const float *mask = e->mask.first ? tile_pixels(e->mask, tile, rowStride) : NULL;
  const int rows = shorter(BLOCK_TILE, e->shape.height - tile->row), columns = shorter(BLOCK_TILE, e->shape.width - tile->column);
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < columns; j++)
      UNROLL(4) for (int n = 0; n < BLOCK; n += VL) {
        const int64_t at = i * rowStride + j * BLOCK + n;
        const vf value = v_load(values->at[i][j] + n);
        v_put(y + at, mask ? v_select(v_load(mask + at) > 0, value, v_set(0)) : value, e->stream);
      }
}

INLINE void write_maxima(const Epilogue *e, const Tile *tile, const TileValues *values) {
  const int row = tile->row / 2, column = tile->column / 2;
  const int rows = shorter(2, e->pooledShape.height - row), columns = shorter(2, e->pooledShape.width - column);
  const int64_t rowStride = blocked_row_stride(e->pooledShape);
  float *y = e->pooled.first + tile->image * e->pooled.imageStride + (row + 1) * rowStride + (column + 1) * BLOCK;
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < columns; j++)
      UNROLL(4) for (int n = 0; n < BLOCK; n += VL) {
        vf best = v_set(-INFINITY); // NaNs are never a maximum
        UNROLL(4) for (int k = 0; k < 4; k++) best = v_max(v_load(values->at[2 * i + k / 2][2 * j + k % 2] + n), best);
        v_put(y + i * rowStride + j * BLOCK + n, best, e->streamPooled);
      }
}

// The same for a vector of one pixel, which is not activated yet: `n` is its place among the pixel's vectors.
INLINE void write_vector(const Epilogue *e, int64_t image, int64_t row, int64_t column, int n, vf value) {
  const int64_t at = (row + 1) * blocked_row_stride(e->shape) + (column + 1) * BLOCK + n * VL;
  value = f_activate(value + e->bias[n], e->activation, e->alpha);
  if (e->mask.first) value = v_select(v_load(e->mask.first + image * e->mask.imageStride + at) > 0, value, v_set(0));
  v_store(e->y.first + image * e->y.imageStride + at, value);
}

// The maxima of two rows that are written.
static inline void pool_rows(const Epilogue *e, int64_t image, int64_t row) {
  const int64_t rowStride = blocked_row_stride(e->shape);
  const float *x = e->y.first + image * e->y.imageStride + (row + 1) * rowStride + BLOCK;
  float *y = e->pooled.first + image * e->pooled.imageStride + (row / 2 + 1) * blocked_row_stride(e->pooledShape) + BLOCK;
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
