// How Winograd's kernels walk over blocked tensors: tiles of 4x4 pixels, numbered row by row and image by image, and worked
// on in strips of some tens, which may go over rows and images.
#pragma once
#include "../isa.h"
#include "convolution.h"

enum { MAX_STRIP = 128 };

// One block of 16 channels of a tensor, in all its images.
typedef struct {
  float *first; // the border's first pixel in image 0
  int64_t imageStride;
} Plane;

INLINE Plane plane_of(const float *tensor, BlockedShape s, int64_t block) {
  return (Plane){(float *)tensor + block * blocked_block_stride(s), blocked_image_stride(s)};
}

// One for each block of channels: of a tensor; of parts, whose channels need not be those of `s`. Returns what follows the last.
static inline Plane *list_planes(Plane *planes, const float *tensor, BlockedShape s) {
  for (int block = 0; block < blocked_blocks(s); block++) *planes++ = plane_of(tensor, s, block);
  return planes;
}

static inline Plane *list_parts(Plane *planes, const BlockedPart *parts, int count, BlockedShape s) {
  for (int i = 0; i < count; i++) {
    s.channels = parts[i].channels;
    planes = list_planes(planes, parts[i].data, s);
  }
  return planes;
}

typedef struct {
  int64_t image, offset; // offset in a plane: of the pixel above and left of the tile's first
  int row, column;       // of the tile's first pixel
} Tile;

typedef struct {
  int count;
  Tile tiles[MAX_STRIP];
} Strip;

INLINE int64_t tile_count(BlockedShape s) {
  return s.batch * (blocked_rounded(s.height) / BLOCK_TILE) * (blocked_rounded(s.width) / BLOCK_TILE);
}

static inline void locate_strip(BlockedShape s, int64_t first, int64_t count, Strip *strip) {
  const int64_t columns = blocked_rounded(s.width) / BLOCK_TILE, rows = blocked_rounded(s.height) / BLOCK_TILE;
  const int64_t row = first / columns;
  int64_t x = first % columns, y = row % rows, image = row / rows;
  strip->count = (int)count;
  for (int t = 0; t < count; t++) {
    const int64_t offset = y * BLOCK_TILE * blocked_row_stride(s) + x * BLOCK_TILE * BLOCK;
    strip->tiles[t] = (Tile){image, offset, (int)y * BLOCK_TILE, (int)x * BLOCK_TILE};
    if (++x == columns) {
      x = 0;
      if (++y == rows) y = 0, image++;
    }
  }
}

INLINE float *tile_window(Plane p, const Tile *t) { return p.first + t->image * p.imageStride + t->offset; }
INLINE float *tile_pixels(Plane p, const Tile *t, int64_t rowStride) { return tile_window(p, t) + rowStride + BLOCK; }
