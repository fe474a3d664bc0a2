// The gradients by a filter: of 3x3 convolution, by Winograd's transforms or (`exact`) straight from the definition, and of
// doubling + 2x2 convolution.
#include "filter_gradient_form.h"
#include "upsampled.h"
#include "winograd_transposed.h"

#define FOR_LANES for (int lane = 0; lane < BLOCK; lane += VL)

INLINE void add_to(float *sum, vf v) { v_store(sum, v_load(sum) + v); }

// ---- 3x3, Winograd: a tile is 4x4 pixels of dy, and 6x6 of x ----

// Each tile's values go to 36 cache lines that are not in the first-level cache. Where a line is one vector it pays to ask for
// them a tile ahead (Zen 5: gradients at 32 channels take 3 to 14 % less time).
INLINE void prefetch_values(const float *next, int64_t pitch) {
  UNROLL_WHOLE for (int i = 0; i < WINOGRAD_PRODUCTS && VL == BLOCK; i++) prefetch_write(next + i * pitch);
}

static void winograd_gather_tiles(const float *x, int64_t rowStride, int64_t tiles, float *v, int64_t pitch) {
  x -= rowStride + BLOCK;
  for (int64_t t = 0; t < tiles; t++, x += 4 * BLOCK, v += BLOCK) {
    prefetch_values(v + BLOCK, pitch);
    FOR_LANES winograd_input(x + lane, rowStride, v + lane, pitch);
  }
}

static void winograd_spread_tiles(const float *dy, int64_t rowStride, int64_t tiles, float *z, int64_t pitch, float *sum) {
  for (int64_t t = 0; t < tiles; t++, dy += 4 * BLOCK, z += BLOCK) {
    prefetch_values(z + BLOCK, pitch);
    FOR_LANES add_to(sum + lane, winograd_spread(dy + lane, rowStride, z + lane, pitch));
  }
}

static const FilterGradientForm winograd = {
    .stepX = 4, .stepDy = 4, .positions = WINOGRAD_PRODUCTS, .spreadPositions = WINOGRAD_PRODUCTS,
    .stripTiles = VL == 16 ? 64 : 32, // as measured: fewer make more of the sums, more leave the caches
    .gather = winograd_gather_tiles, .spread = winograd_spread_tiles, .finish = winograd_filter_gradient};

// ---- 3x3, the definition: a tile is one pixel, and a position is a tap ----

static void direct_gather(const float *x, int64_t rowStride, int64_t tiles, float *v, int64_t pitch) {
  x -= rowStride + BLOCK;
  for (int tap = 0; tap < 9; tap++)
    memcpy(v + tap * pitch, x + tap / 3 * rowStride + tap % 3 * BLOCK, (size_t)tiles * BLOCK * sizeof(float));
}

static void direct_spread(const float *dy, int64_t rowStride, int64_t tiles, float *z, int64_t pitch, float *sum) {
  (void)rowStride, (void)pitch;
  memcpy(z, dy, (size_t)tiles * BLOCK * sizeof(float));
  for (int64_t t = 0; t < tiles; t++) FOR_LANES add_to(sum + lane, v_load(dy + t * BLOCK + lane));
}

static void direct_finish(const float *sums, int64_t pitch, float *dfilter, int64_t tapStride) {
  for (int tap = 0; tap < 9; tap++) v_store(dfilter + tap * tapStride, v_load(sums + tap * pitch));
}

static const FilterGradientForm direct = {
    .stepX = 1, .stepDy = 1, .positions = 9, .spreadPositions = 1, .stripTiles = 64,
    .gather = direct_gather, .spread = direct_spread, .finish = direct_finish};

// ---- Doubling + 2x2: a tile is 2x2 pixels of dy, and one of x with its neighbours (upsampled.h) ----

static void upsampled_spread_tiles(const float *dy, int64_t rowStride, int64_t tiles, float *z, int64_t pitch, float *sum) {
  for (int64_t t = 0; t < tiles; t++, dy += 2 * BLOCK, z += BLOCK)
    FOR_LANES add_to(sum + lane, upsampled_spread(dy + lane, rowStride, z + lane, pitch));
}

static const FilterGradientForm upsampled = {
    .stepX = 1, .stepDy = 2, .positions = 4, .spreadPositions = 4, .stripTiles = 64,
    .gather = upsampled_inputs, .spread = upsampled_spread_tiles, .finish = upsampled_filter_gradient};

int KERNEL(blocked_filter_gradient)(const BlockedFilterGradient *g) {
  return KERNEL(filter_gradient_by)(g->upsampled ? &upsampled : g->exact ? &direct : &winograd, g);
}
