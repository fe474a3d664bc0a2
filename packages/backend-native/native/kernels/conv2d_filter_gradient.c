// The convolution's gradient by its filter: dfilter[tap][i][o] = Σ_p x[window(p, tap)][i] · dy[p][o].
//
// A strip is a small rectangle of dy's pixels. Its part of dy is packed by panels of output channels, and the part of x
// that its windows see by blocks of INPUTS input channels, with zeros for what lies outside. Then an INPUTS x panel tile of
// dfilter in registers takes one outer product a pixel. The registers begin at zero for every strip and are added to
// their band's sum behind it; at the end the bands are added, in order. So sums have three levels, which keeps them
// accurate, and bands depend on the shape alone, so that any number of threads gives the same bits.
#include "../scratch.h"
#include "../threads.h"
#include "kernels.h"
#include "panels.h"

// A tile has INPUTS input channels by at most WIDEST vectors of output channels.
#if WIDEST_PANEL == 4
#define INPUTS 8
#define WIDEST 3
#else
#define INPUTS 4
#define WIDEST 2
#endif

enum { STRIP_PIXELS = 128, STRIP_WIDTH = 64, MAX_BANDS = 32, BANDS_BYTES = 2 << 20, SLICE_BYTES = 512 << 10, TASKS_PER_THREAD = 4 };

typedef struct {
  Conv2DShape s;
  const float *x, *dy;
  float *dfilter;
  // With few input channels the filter's taps are rows of the sum, too, and x is packed once a tap.
  int tapsAreRows;
  int64_t taps, rows, paddedRows, channels; // of a band's sum: [taps][paddedRows][channels]
  Panels panels;
  int64_t stripRows, stripColumns, stripsDown, stripsAcross, strips;
  int64_t windowRows, windowColumns; // of x that a strip sees
  int64_t bands, groups;
  float *sums, *scratch;
  int64_t packedX, packedDy; // floats of scratch a thread
} Call;

// A strip: rows × columns pixels of dy from (row, column) of an image.
typedef struct {
  int64_t image, row, column, rows, columns;
} Strip;

static Strip strip_at(const Call *c, int64_t index) {
  const int64_t across = index % c->stripsAcross, down = index / c->stripsAcross % c->stripsDown;
  Strip strip = {.image = index / c->stripsAcross / c->stripsDown, .row = down * c->stripRows, .column = across * c->stripColumns};
  strip.rows = smaller(c->stripRows, c->s.outHeight - strip.row);
  strip.columns = smaller(c->stripColumns, c->s.outWidth - strip.column);
  return strip;
}

// ---- Packing ----

// dy as [panel][pixel][panel's channels].
static void pack_dy(const Call *c, Strip strip, float *packed) {
  const int64_t channels = c->s.outChannels;
  for (int64_t panel = 0; panel < c->panels.count; panel++) {
    const int64_t width = panel_vectors(&c->panels, panel) * VL, first = panel_channel(&c->panels, panel);
    const int64_t some = smaller(width, channels - first);
    for (int64_t row = 0; row < strip.rows; row++) {
      const int64_t pixel = (strip.image * c->s.outHeight + strip.row + row) * c->s.outWidth + strip.column;
      const float *from = c->dy + pixel * channels + first;
      for (int64_t column = 0; column < strip.columns; column++, from += channels, packed += width) {
        if (some == width) {
          for (int64_t v = 0; v < width; v += VL) v_store(packed + v, v_load(from + v));
        } else {
          memcpy(packed, from, (size_t)some * sizeof(float));
          memset(packed + some, 0, (size_t)(width - some) * sizeof(float));
        }
      }
    }
  }
}

// Row (or column) of x where the window of `out` begins.
static int64_t window_start(int64_t out, int stride, int pad) { return out * stride - pad; }

// x as [block][row][column][INPUTS] over all rows and columns that the strip's windows touch.
static void pack_windows(const Call *c, Strip strip, int64_t firstBlock, int64_t lastBlock, float *packed) {
  const Conv2DShape *s = &c->s;
  const int64_t top = window_start(strip.row, s->strideHeight, s->padTop), left = window_start(strip.column, s->strideWidth, s->padLeft);
  for (int64_t block = firstBlock; block < lastBlock; block++) {
    const int64_t some = smaller(INPUTS, s->inChannels - block * INPUTS);
    for (int64_t y = top; y < top + c->windowRows; y++, packed += c->windowColumns * INPUTS) {
      const int64_t begin = y < 0 || y >= s->inHeight ? 0 : smaller(c->windowColumns, larger(0, -left));
      const int64_t end = y < 0 || y >= s->inHeight ? 0 : larger(begin, smaller(c->windowColumns, s->inWidth - left));
      const float *from = c->x + ((strip.image * s->inHeight + y) * s->inWidth + left) * s->inChannels + block * INPUTS;
      memset(packed, 0, (size_t)(begin * INPUTS) * sizeof(float));
      memset(packed + end * INPUTS, 0, (size_t)((c->windowColumns - end) * INPUTS) * sizeof(float));
      if (some == INPUTS)
        for (int64_t column = begin; column < end; column++)
          memcpy(packed + column * INPUTS, from + column * s->inChannels, INPUTS * sizeof(float));
      else
        for (int64_t column = begin; column < end; column++)
          for (int64_t i = 0; i < INPUTS; i++) packed[column * INPUTS + i] = i < some ? from[column * s->inChannels + i] : 0;
    }
  }
}

// x as [block][pixel][INPUTS], where the rows of the blocks are (tap, input channel).
static void pack_taps(const Call *c, Strip strip, int64_t firstBlock, int64_t lastBlock, float *packed) {
  const Conv2DShape *s = &c->s;
  const int64_t pixels = strip.rows * strip.columns;
  for (int64_t row = firstBlock * INPUTS; row < lastBlock * INPUTS; row++) {
    const int64_t tap = row / s->inChannels, channel = row % s->inChannels;
    float *to = packed + (row / INPUTS - firstBlock) * pixels * INPUTS + row % INPUTS;
    for (int64_t i = 0; i < strip.rows; i++) {
      const int64_t y = window_start(strip.row + i, s->strideHeight, s->padTop) + tap / s->filterWidth * s->dilationHeight;
      const int exists = row < c->rows && y >= 0 && y < s->inHeight;
      const float *from = c->x + (strip.image * s->inHeight + (exists ? y : 0)) * s->inWidth * s->inChannels + channel;
      int64_t x = window_start(strip.column, s->strideWidth, s->padLeft) + tap % s->filterWidth * s->dilationWidth;
      for (int64_t j = 0; j < strip.columns; j++, x += s->strideWidth, to += INPUTS)
        *to = exists && x >= 0 && x < s->inWidth ? from[x * s->inChannels] : 0;
    }
  }
}

// ---- One tile ----

// The pixels of a strip as a tile reads them; distances in floats.
typedef struct {
  int64_t rows, columns, xRow, xColumn;
} Pixels;

// The sums that the registers will be added to are asked for first: they are seldom in the first-level cache.
INLINE void compute_tile(int vectors, Pixels p, const float *x, const float *dy, float *sum, int64_t pitch, int first) {
  vf sums[INPUTS][WIDEST];
  UNROLL(INPUTS) for (int i = 0; i < INPUTS; i++)
    UNROLL(WIDEST) for (int v = 0; v < vectors; v++) sums[i][v] = v_set(0), prefetch_write(sum + i * pitch + v * VL);
  for (int64_t row = 0; row < p.rows; row++, x += p.xRow) {
    const float *xs = x;
    for (int64_t column = 0; column < p.columns; column++, xs += p.xColumn, dy += vectors * VL) {
      vf d[WIDEST];
      UNROLL(WIDEST) for (int v = 0; v < vectors; v++) d[v] = v_load(dy + v * VL);
      UNROLL(INPUTS) for (int i = 0; i < INPUTS; i++) {
        const vf xi = v_set(xs[i]);
        UNROLL(WIDEST) for (int v = 0; v < vectors; v++) sums[i][v] = v_fma(xi, d[v], sums[i][v]);
      }
    }
  }
  UNROLL(INPUTS) for (int i = 0; i < INPUTS; i++)
    UNROLL(WIDEST) for (int v = 0; v < vectors; v++) {
      float *to = sum + i * pitch + v * VL;
      v_store(to, first ? sums[i][v] : v_load(to) + sums[i][v]);
    }
}

typedef void Tile(Pixels p, const float *x, const float *dy, float *sum, int64_t pitch, int first);
#define DEFINE_TILE(vectors)                                                                                            \
  static void tile##vectors(Pixels p, const float *x, const float *dy, float *sum, int64_t pitch, int first) {          \
    compute_tile(vectors, p, x, dy, sum, pitch, first);                                                                 \
  }
DEFINE_TILE(1)
DEFINE_TILE(2)
#if WIDEST == 3
DEFINE_TILE(3)
static Tile *const tiles_by_vectors[] = {NULL, tile1, tile2, tile3};
#else
static Tile *const tiles_by_vectors[] = {NULL, tile1, tile2};
#endif

// ---- Reading ahead ----

// The memory that packing the next strip will read, as rows of cache lines. While the tiles of this strip are computed,
// a few lines at a time are asked for, so that packing does not wait for memory.
typedef struct {
  const float *row;
  int64_t pitch, rows, lines; // floats from row to row; rows that remain; lines of a row
  int64_t line, share;        // the next one in the row; how many to ask for at a time
} Ahead;

static Ahead ahead_of(const float *tensor, int64_t image, int64_t height, int64_t width, int64_t channels, int64_t top,
                      int64_t left, int64_t rows, int64_t columns, int64_t steps) {
  const int64_t bottom = smaller(height, top + rows), right = smaller(width, left + columns);
  top = larger(top, 0), left = larger(left, 0);
  Ahead a = {.row = tensor + ((image * height + top) * width + left) * channels, .pitch = width * channels};
  a.lines = (larger(0, right - left) * channels * (int64_t)sizeof(float) + CACHE_LINE - 1) / CACHE_LINE;
  a.rows = a.lines > 0 ? bottom - top : 0;
  a.share = (a.rows * a.lines + steps - 1) / steps;
  return a;
}

static void read_ahead(Ahead *a) {
  for (int64_t i = 0; i < a->share && a->rows > 0; i++) {
    __builtin_prefetch(a->row + a->line * (CACHE_LINE / (int64_t)sizeof(float)), 0, 2);
    if (++a->line == a->lines) a->line = 0, a->rows--, a->row += a->pitch;
  }
}

// ---- Bands ----

static void add_strip(const Call *c, Strip strip, Strip next, int64_t blocks, const float *x, const float *dy, float *sum, int first) {
  const Conv2DShape *s = &c->s;
  const int64_t blockFloats = c->tapsAreRows ? strip.rows * strip.columns * INPUTS : c->windowRows * c->windowColumns * INPUTS;
  Pixels p = {strip.rows, strip.columns, strip.columns * INPUTS, INPUTS};
  if (!c->tapsAreRows) p.xRow = s->strideHeight * c->windowColumns * INPUTS, p.xColumn = s->strideWidth * INPUTS;
  const int64_t steps = c->panels.count * blocks * c->taps;
  Ahead aheadX = ahead_of(c->x, next.image, s->inHeight, s->inWidth, s->inChannels,
                          window_start(next.row, s->strideHeight, s->padTop), window_start(next.column, s->strideWidth, s->padLeft),
                          c->windowRows, c->windowColumns, steps);
  Ahead aheadDy = ahead_of(c->dy, next.image, s->outHeight, s->outWidth, s->outChannels, next.row, next.column, next.rows,
                           next.columns, steps);
  for (int64_t panel = 0; panel < c->panels.count; panel++) {
    const int64_t channel = panel_channel(&c->panels, panel);
    Tile *tile = tiles_by_vectors[panel_vectors(&c->panels, panel)];
    const float *dyPanel = dy + channel * strip.rows * strip.columns;
    for (int64_t block = 0; block < blocks; block++)
      for (int64_t tap = 0; tap < c->taps; tap++) {
        read_ahead(&aheadX), read_ahead(&aheadDy);
        const int64_t down = tap / s->filterWidth * s->dilationHeight, across = tap % s->filterWidth * s->dilationWidth;
        const float *xs = x + block * blockFloats + (down * c->windowColumns + across) * INPUTS;
        tile(p, xs, dyPanel, sum + (tap * c->paddedRows + block * INPUTS) * c->channels + channel, c->channels, first);
      }
  }
}

// A task is a band of strips by a group of blocks.
static void run_tasks(void *context, int64_t begin, int64_t end, int thread) {
  const Call *c = context;
  float *x = c->scratch + thread * (c->packedX + c->packedDy), *dy = x + c->packedX;
  const int64_t allBlocks = c->paddedRows / INPUTS;
  for (int64_t task = begin; task < end; task++) {
    const int64_t band = task / c->groups, group = task % c->groups;
    const int64_t firstBlock = allBlocks * group / c->groups, lastBlock = allBlocks * (group + 1) / c->groups;
    const int64_t firstStrip = c->strips * band / c->bands, lastStrip = c->strips * (band + 1) / c->bands;
    float *sum = c->sums + (band * c->taps * c->paddedRows + firstBlock * INPUTS) * c->channels;
    for (int64_t index = firstStrip; index < lastStrip; index++) {
      const Strip strip = strip_at(c, index);
      (c->tapsAreRows ? pack_taps : pack_windows)(c, strip, firstBlock, lastBlock, x);
      pack_dy(c, strip, dy);
      add_strip(c, strip, strip_at(c, smaller(index + 1, c->strips - 1)), lastBlock - firstBlock, x, dy, sum, index == firstStrip);
    }
  }
}

static void add_bands(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  const Call *c = context;
  for (int64_t row = begin; row < end; row++) {
    const float *sum = c->sums + (row / c->rows * c->paddedRows + row % c->rows) * c->channels;
    float *to = c->dfilter + row * c->s.outChannels;
    for (int64_t o = 0; o < c->s.outChannels; o += VL) {
      vf total = v_load(sum + o);
      for (int64_t band = 1; band < c->bands; band++) total += v_load(sum + band * c->taps * c->paddedRows * c->channels + o);
      if (o + VL <= c->s.outChannels) v_store(to + o, total);
      else v_store_part(to + o, total, (int)(c->s.outChannels - o));
    }
  }
}

// ---- The call ----

static void choose_strips(Call *c) {
  const Conv2DShape *s = &c->s;
  c->stripsAcross = (s->outWidth + STRIP_WIDTH - 1) / STRIP_WIDTH;
  c->stripColumns = (s->outWidth + c->stripsAcross - 1) / c->stripsAcross;
  c->stripRows = smaller(s->outHeight, larger(1, STRIP_PIXELS / c->stripColumns));
  c->stripsDown = (s->outHeight + c->stripRows - 1) / c->stripRows;
  c->strips = s->batch * c->stripsDown * c->stripsAcross;
  c->windowRows = (c->stripRows - 1) * s->strideHeight + (s->filterHeight - 1) * s->dilationHeight + 1;
  c->windowColumns = (c->stripColumns - 1) * s->strideWidth + (s->filterWidth - 1) * s->dilationWidth + 1;
}

// Bands as many as their sums' size allows; groups so that a task's part of a sum fits the second-level cache and
// every thread has work.
static void choose_tasks(Call *c, int threads) {
  const int64_t sumBytes = c->taps * c->paddedRows * c->channels * (int64_t)sizeof(float);
  c->bands = smaller(c->strips, larger(1, smaller(MAX_BANDS, BANDS_BYTES / sumBytes)));
  const int64_t wanted = ((int64_t)TASKS_PER_THREAD * threads + c->bands - 1) / c->bands;
  c->groups = smaller(c->paddedRows / INPUTS, larger(wanted, (sumBytes + SLICE_BYTES - 1) / SLICE_BYTES));
  const int64_t blocks = (c->paddedRows / INPUTS + c->groups - 1) / c->groups, pixels = c->stripRows * c->stripColumns;
  c->packedX = round_up(blocks * INPUTS * (c->tapsAreRows ? pixels : c->windowRows * c->windowColumns), 16);
  c->packedDy = round_up(pixels * c->channels, 16);
}

int KERNEL(conv2d_backprop_filter)(const Conv2DShape *shape, const float *x, const float *dy, float *dfilter) {
  Call c = {.s = *shape, .x = x, .dy = dy, .dfilter = dfilter, .tapsAreRows = shape->inChannels < INPUTS};
  const int64_t taps = (int64_t)shape->filterHeight * shape->filterWidth;
  c.taps = c.tapsAreRows ? 1 : taps;
  c.rows = c.tapsAreRows ? taps * shape->inChannels : shape->inChannels;
  c.paddedRows = round_up(c.rows, INPUTS);
  c.panels = panels_of(shape->outChannels, WIDEST);
  c.channels = c.panels.vectors * VL;
  choose_strips(&c);
  const int threads = thread_count();
  choose_tasks(&c, threads);
  c.sums = scratch_floats(c.bands * c.taps * c.paddedRows * c.channels);
  c.scratch = scratch_floats(threads * (c.packedX + c.packedDy));
  const int missing = !c.sums || !c.scratch;
  if (!missing) {
    parallel_for_on(threads, c.bands * c.groups, 1, run_tasks, &c);
    parallel_for(c.taps * c.rows, 64, add_bands, &c);
  }
  scratch_free(c.sums), scratch_free(c.scratch);
  return missing;
}
