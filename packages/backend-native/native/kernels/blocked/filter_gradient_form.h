// Gradients by a filter, of any convolution that can be written as
//
//   dfilter = finish(Σ_tiles gather(x)[p] ⊗ spread(dy)[p])    for positions p, ⊗ over channels
//
// filter_gradient.c has what is common to all; forms of it are in filter_gradient_forms.c.
#pragma once
#include "../kernels.h"
#include "layout.h"

typedef struct {
  int stepX, stepDy;   // pixels from one tile to the next, in x and in dy
  int positions;       // matrices that are summed
  int spreadPositions; // of dy's transform: as many, or 1 where all positions share it
  int stripTiles;      // tiles of a strip
  // Transforms one block of `tiles` neighbours in a row; x is the first one's first pixel. Position p of tile t goes to
  // v[p·pitch + t·BLOCK].
  void (*gather)(const float *x, int64_t rowStride, int64_t tiles, float *v, int64_t pitch);
  // The same for dy, whose pixels are added to `sum`, too [BLOCK].
  void (*spread)(const float *dy, int64_t rowStride, int64_t tiles, float *z, int64_t pitch, float *sum);
  // One vector of the filter's gradient, tap t at dfilter[t·tapStride], from sums[p·pitch].
  void (*finish)(const float *sums, int64_t pitch, float *dfilter, int64_t tapStride);
} FilterGradientForm;

int KERNEL(filter_gradient_by)(const FilterGradientForm *form, const BlockedFilterGradient *g);
