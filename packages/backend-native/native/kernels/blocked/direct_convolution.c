// 3x3 convolution as it is written: one sum for each value of y, in one order (block, tap, channel), never through a
// transform. Some pixels of a row by a panel of output channels are summed in registers at a time.
#include "../../scratch.h"
#include "../../threads.h"
#include "../kernels.h"
#include "../panels.h"
#include "epilogue.h"
#include "filter.h"
#include "panel.h"

typedef struct {
  BlockedShape x, y; // channels of all parts, and of all outputs
  Filter filter;
  Plane *planes;
  Epilogue *epilogues;
  float *weights; // [panel][block][9][16][panel's vectors][VL]
} Call;

enum { PIXELS_FEW = 4 }; // in narrow images; divides the rows of any

// ---- Weights ----

static float *panel_weights(const Call *c, int64_t panel) { return c->weights + panel_first(panel) * BLOCK * 9 * c->x.channels; }

static void pack_panels(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  const Call *c = context;
  for (int64_t panel = begin; panel < end; panel++) {
    const int width = panel_blocks(blocked_blocks(c->y), panel) * BLOCK;
    for (int n = 0; n < width; n += VL)
      for (int64_t input = 0; input < c->x.channels; input += VL) {
        vf weights[9][VL];
        load_filter(&c->filter, input, panel_first(panel) * BLOCK + n, weights);
        float *to = panel_weights(c, panel) + (input / BLOCK * 9 * BLOCK + input % BLOCK) * width + n;
        for (int i = 0; i < 9; i++)
          for (int k = 0; k < VL; k++) v_store(to + (i * BLOCK + k) * width, weights[i][k]);
      }
  }
}

// ---- Some pixels of a row, of which `done` are written already ----

INLINE void sum_pixels(int pixels, int blocks, const Call *c, const Epilogue *e, const float *w, int64_t image, int64_t row, int64_t column, int done) {
  const int vectors = blocks * VECTORS;
  vf sums[PANEL_ROWS < PIXELS_FEW ? PIXELS_FEW : PANEL_ROWS][PANEL_VECTORS];
  UNROLL(8) for (int m = 0; m < pixels; m++)
    UNROLL(4) for (int n = 0; n < vectors; n++) sums[m][n] = v_set(0);
  const int64_t rowStride = blocked_row_stride(c->x);
  for (int64_t block = 0; block < blocked_blocks(c->x); block++) {
    const Plane plane = c->planes[block];
    const float *window = plane.first + image * plane.imageStride + row * rowStride + column * BLOCK;
    for (int tap = 0; tap < 9; tap++) {
      const float *x = window + tap / 3 * rowStride + tap % 3 * BLOCK;
      UNROLL(2) for (int k = 0; k < BLOCK; k++, w += vectors * VL) {
        vf weights[PANEL_VECTORS];
        UNROLL(4) for (int n = 0; n < vectors; n++) weights[n] = v_load(w + n * VL);
        UNROLL(8) for (int m = 0; m < pixels; m++) {
          const vf value = v_set(x[m * BLOCK + k]);
          UNROLL(4) for (int n = 0; n < vectors; n++) sums[m][n] = v_fma(value, weights[n], sums[m][n]);
        }
      }
    }
  }
  float values[PANEL_VECTORS][PANEL_ROWS < PIXELS_FEW ? PIXELS_FEW : PANEL_ROWS][VL];
  UNROLL(4) for (int n = 0; n < vectors; n++)
    UNROLL(8) for (int m = 0; m < pixels; m++) v_store(values[n][m], sums[m][n]);
  const int inside = (int)smaller(pixels, c->y.width - column);
  for (int n = 0; n < vectors; n++)
    for (int m = done; m < inside; m++) write_vector(&e[n / VECTORS], image, row, column + m, n % VECTORS, v_load(values[n][m]));
}

typedef void Pixels(const Call *c, const Epilogue *e, const float *w, int64_t image, int64_t row, int64_t column, int done);
#define DEFINE_PIXELS(name, pixels, blocks)                                                                             \
  static void name##blocks(const Call *c, const Epilogue *e, const float *w, int64_t image, int64_t row, int64_t column, int done) { \
    sum_pixels(pixels, blocks, c, e, w, image, row, column, done);                                                            \
  }
DEFINE_PIXELS(many, PANEL_ROWS, 1)
DEFINE_PIXELS(few, PIXELS_FEW, 1)
#if PANEL_MOST == 3
DEFINE_PIXELS(many, PANEL_ROWS, 2)
DEFINE_PIXELS(few, PIXELS_FEW, 2)
DEFINE_PIXELS(many, PANEL_ROWS, 3)
DEFINE_PIXELS(few, PIXELS_FEW, 3)
static Pixels *const many_by_blocks[] = {NULL, many1, many2, many3}, *const few_by_blocks[] = {NULL, few1, few2, few3};
#else
static Pixels *const many_by_blocks[] = {NULL, many1}, *const few_by_blocks[] = {NULL, few1};
#endif

// ---- Rows, two by two ----

static void compute_rows(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  const Call *c = context;
  const int64_t pairs = (c->y.height + 1) / 2, blocks = blocked_blocks(c->y);
  const int64_t columns = blocked_rounded(c->y.width), pixels = columns < PANEL_ROWS ? PIXELS_FEW : PANEL_ROWS;
  for (int64_t pair = begin; pair < end; pair++) {
    const int64_t image = pair / pairs, top = pair % pairs * 2, bottom = smaller(top + 2, c->y.height);
    for (int64_t panel = 0; panel < panel_count(blocks); panel++) {
      const Epilogue *e = c->epilogues + panel_first(panel);
      const int count = panel_blocks(blocks, panel);
      Pixels *sum = (columns < PANEL_ROWS ? few_by_blocks : many_by_blocks)[count];
      for (int64_t row = top; row < bottom; row++)
        for (int64_t column = 0; column < c->y.width; column += pixels) { // the last tile begins earlier where it would not fit
          const int64_t first = smaller(column, columns - pixels);
          sum(c, e, panel_weights(c, panel), image, row, first, (int)(column - first));
        }
      for (int b = 0; b < count; b++) {
        if (top == 0) clear_image_edges(&e[b], image);
        if (e[b].pooled.first && bottom == top + 2) pool_rows(&e[b], image, top);
      }
    }
  }
}

int KERNEL(blocked_convolution_exact)(const BlockedConvolution *b) {
  Call c = {.x = {b->batch, b->height, b->width, blocked_input_channels(b)}, .filter = filter_of(b)};
  c.y = c.x, c.y.channels = blocked_output_channels(b);
  c.planes = scratch_allocate((size_t)blocked_blocks(c.x) * sizeof(Plane));
  c.epilogues = scratch_allocate((size_t)blocked_blocks(c.y) * sizeof(Epilogue));
  c.weights = scratch_floats((int64_t)9 * c.x.channels * c.y.channels);
  const int missing = !c.planes || !c.epilogues || !c.weights;
  if (!missing) {
    list_parts(c.planes, b->parts, b->partCount, c.x);
    list_epilogues(b, c.epilogues);
    parallel_for(panel_count(blocked_blocks(c.y)), 1, pack_panels, &c);
    parallel_for((int64_t)c.y.batch * ((c.y.height + 1) / 2), 1, compute_rows, &c);
  }
  scratch_free(c.planes), scratch_free(c.epilogues), scratch_free(c.weights);
  return missing;
}
