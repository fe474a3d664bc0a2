// Brings the tiles that will be read next into the second-level cache, a few lines with each product: memory is slower than
// the transforms, and idle during products.
#pragma once
#include "tiles.h"

typedef struct {
  const Plane *planes; // of each tile, the 4x4 pixels from `offset` floats behind its window's first
  int64_t planeCount, offset, rowStride;
  const Strip *strip;
  int64_t plane, row, tile, atOnce; // the next row of a tile, row by row of the strip; how many are asked for together
} Prefetch;

INLINE Prefetch prefetch_of(const Plane *planes, int64_t count, const Strip *strip, int64_t offset, int64_t rowStride, int64_t calls) {
  return (Prefetch){planes, count, offset, rowStride, strip, 0, 0, 0, (strip->count * count * BLOCK_TILE + calls - 1) / calls};
}

static inline void prefetch_some(Prefetch *p) {
  for (int64_t n = 0; n < p->atOnce && p->plane < p->planeCount; n++) {
    const float *pixels = tile_window(p->planes[p->plane], &p->strip->tiles[p->tile]) + p->offset + p->row * p->rowStride;
    UNROLL(4) for (int j = 0; j < BLOCK_TILE; j++) prefetch(pixels + j * BLOCK);
    if (++p->tile < p->strip->count) continue;
    p->tile = 0;
    if (++p->row == BLOCK_TILE) p->row = 0, p->plane++;
  }
}
