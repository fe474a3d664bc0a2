// Sums over all rows of all images, for gradients: rows are cut into bands that depend on the shape alone. Whoever sums
// begins at zero for every strip of a row, in registers, and adds to the band's sum behind it; the bands are added here, in
// double and in order. So sums are accurate and have the same bits for any number of threads.
#pragma once
#include "../panels.h"
#include "layout.h"

enum { MAX_BANDS = 32 };

INLINE int64_t band_rows(BlockedShape s) { return ((int64_t)s.batch * s.height + MAX_BANDS - 1) / MAX_BANDS; }
INLINE int64_t band_count(BlockedShape s) { return ((int64_t)s.batch * s.height + band_rows(s) - 1) / band_rows(s); }

// sum[i] = Σ over bands of bands[band][from + i], of `size` floats each.
static inline void add_bands(const float *bands, int64_t count, int64_t size, int64_t from, int64_t some, float *sum) {
  for (int64_t i = from; i < from + some; i++) {
    double total = 0;
    for (int64_t band = 0; band < count; band++) total += (double)bands[band * size + i];
    sum[i - from] = (float)total;
  }
}
