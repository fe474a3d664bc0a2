// Indirect convolution. Weights are packed into panels of one to four vectors of output channels. A tile is some pixels of
// y (neighbours in row-major order) by one panel, and lives in registers: for each tap it needs its pixels' addresses,
// then one broadcast a pixel and channel feeds a multiply-add for each vector. Where all windows of a tile lie inside the
// source, the addresses are one common table plus a shift. Other tiles get a table of their own, in which whatever lies
// outside is the address of a row of zeros: so borders, strides, gaps and tiles across rows all take the same fast loop.
#include "correlation.h"
#include "../scratch.h"
#include "../threads.h"
#include "functions.h"
#include "panels.h"

// Pixels of a tile: accumulators, one panel's weights and a broadcast must fit the registers.
#if WIDEST_PANEL == 4
#define TILE 8
#define TILE_WIDE 6 // with panels of four
#elif VL == 8
#define TILE 6
#else
#define TILE 4
#endif

enum { SOURCE_BYTES_PER_STRIP = 256 << 10, MAX_TILES_PER_STRIP = 128, TASKS_PER_THREAD = 4 };

typedef intptr_t Address; // of a float, as a number, so that a shift may be added

// Where the windows of a tile are: for each tap and pixel an address, all to be shifted by as many bytes.
typedef struct {
  const Address *addresses;
  Address shift;
} Place;

typedef struct {
  Correlation s;
  const float *source, *zeros, *weights, *bias; // weights packed, bias and zeros padded
  Activation activation;
  float alpha, *y;
  int64_t taps, pixels, tile; // tile: pixels of one
  Panels panels;
  Address *inside;       // the table of a tile whose first window begins at the source's first pixel
  int64_t tilesPerStrip, groups;
  char *scratch;         // one piece a thread: the places of a strip's tiles, and tables
  int64_t scratchBytes;
} Call;

// ---- One tile ----

INLINE void compute_tile(int size, int vectors, const Call *c, Place place, const float *weights, int64_t pixel, int64_t channel) {
  vf sums[TILE][WIDEST_PANEL];
  UNROLL(TILE) for (int m = 0; m < size; m++)
    UNROLL(WIDEST_PANEL) for (int v = 0; v < vectors; v++) sums[m][v] = v_set(0);

  const Address *addresses = place.addresses;
  const int64_t depth = c->s.depth;
  for (int64_t tap = 0; tap < c->taps; tap++, addresses += size) {
    const float *pixels[TILE];
    UNROLL(TILE) for (int m = 0; m < size; m++) pixels[m] = (const float *)(addresses[m] + place.shift);
    for (int64_t k = 0; k < depth; k++, weights += vectors * VL) {
      vf w[WIDEST_PANEL];
      UNROLL(WIDEST_PANEL) for (int v = 0; v < vectors; v++) w[v] = v_load(weights + v * VL);
      UNROLL(TILE) for (int m = 0; m < size; m++) {
        const vf x = v_set(pixels[m][k]);
        UNROLL(WIDEST_PANEL) for (int v = 0; v < vectors; v++) sums[m][v] = v_fma(x, w[v], sums[m][v]);
      }
    }
  }

  const float *bias = c->bias + channel;
  float *y = c->y + pixel * c->s.channels + channel;
  const int64_t pixels = smaller(size, c->pixels - pixel), channels = smaller(vectors * VL, c->s.channels - channel);
  UNROLL(TILE) for (int m = 0; m < size; m++)
    UNROLL(WIDEST_PANEL) for (int v = 0; v < vectors; v++)
      sums[m][v] = f_activate(sums[m][v] + v_load(bias + v * VL), c->activation, c->alpha);
  if (pixels == size && channels == vectors * VL) {
    UNROLL(TILE) for (int m = 0; m < size; m++)
      UNROLL(WIDEST_PANEL) for (int v = 0; v < vectors; v++) v_store(y + m * c->s.channels + v * VL, sums[m][v]);
  } else {
    float whole[TILE][WIDEST_PANEL * VL];
    UNROLL(TILE) for (int m = 0; m < size; m++)
      UNROLL(WIDEST_PANEL) for (int v = 0; v < vectors; v++) v_store(whole[m] + v * VL, sums[m][v]);
    for (int64_t m = 0; m < pixels; m++) memcpy(y + m * c->s.channels, whole[m], (size_t)channels * sizeof(float));
  }
}

typedef void Tile(const Call *c, Place place, const float *weights, int64_t pixel, int64_t channel);
#define DEFINE_TILE(size, vectors)                                                                                      \
  static void tile##vectors(const Call *c, Place place, const float *weights, int64_t pixel, int64_t channel) {         \
    compute_tile(size, vectors, c, place, weights, pixel, channel);                                                     \
  }
DEFINE_TILE(TILE, 1)
DEFINE_TILE(TILE, 2)
#if WIDEST_PANEL == 4
DEFINE_TILE(TILE, 3)
DEFINE_TILE(TILE_WIDE, 4)
static Tile *const tiles_by_vectors[] = {NULL, tile1, tile2, tile3, tile4};
static int64_t tile_size(const Panels *panels) { return panels->width == 4 ? TILE_WIDE : TILE; }
#else
static Tile *const tiles_by_vectors[] = {NULL, tile1, tile2};
static int64_t tile_size(const Panels *panels) { (void)panels; return TILE; }
#endif

// ---- Addresses ----

typedef struct {
  int64_t image, row, column;
} Pixel;

static Pixel pixel_at(const Correlation *s, int64_t index) {
  const int64_t row = index / s->width;
  return (Pixel){row / s->height, row % s->height, index % s->width};
}

static Pixel pixel_after(const Correlation *s, Pixel p) {
  if (++p.column == s->width) {
    p.column = 0;
    if (++p.row == s->height) p.row = 0, p.image++;
  }
  return p;
}

// The source's row (or column) at `position` of the spread source, or −1 where there is a zero.
INLINE int64_t real(int64_t position, int64_t gap, int64_t size) {
  if (position < 0 || position % gap != 0) return -1;
  return position / gap < size ? position / gap : -1;
}

static void locate_each(const Call *c, int64_t first, Address *addresses) {
  const Correlation *s = &c->s;
  Pixel p = pixel_at(s, first);
  for (int64_t m = 0; m < c->tile; m++, p = pixel_after(s, p)) {
    Address *address = addresses + m;
    for (int64_t i = 0; i < s->filterHeight; i++) {
      const int64_t row = real(p.row * s->strideHeight + i * s->dilationHeight - s->padTop, s->gapHeight, s->sourceHeight);
      for (int64_t j = 0; j < s->filterWidth; j++, address += c->tile) {
        const int64_t column = real(p.column * s->strideWidth + j * s->dilationWidth - s->padLeft, s->gapWidth, s->sourceWidth);
        const int exists = first + m < c->pixels && row >= 0 && column >= 0;
        const float *x = exists ? c->source + ((p.image * s->sourceHeight + row) * s->sourceWidth + column) * s->depth : c->zeros;
        *address = (Address)x;
      }
    }
  }
}

static void locate_inside(const Call *c) {
  const Correlation *s = &c->s;
  for (int64_t i = 0, at = 0; i < s->filterHeight; i++)
    for (int64_t j = 0; j < s->filterWidth; j++)
      for (int64_t m = 0; m < c->tile; m++, at++) {
        const int64_t pixel = i * s->dilationHeight * s->sourceWidth + j * s->dilationWidth + m * s->strideWidth;
        c->inside[at] = (Address)c->source + pixel * s->depth * (int64_t)sizeof(float);
      }
}

// Whether the common table serves the tile that begins at p; then by which shift.
static int is_inside(const Call *c, Pixel p, Address *shift) {
  const Correlation *s = &c->s;
  const int64_t top = p.row * s->strideHeight - s->padTop, left = p.column * s->strideWidth - s->padLeft;
  const int64_t bottom = top + (s->filterHeight - 1) * s->dilationHeight;
  const int64_t right = left + (c->tile - 1) * s->strideWidth + (s->filterWidth - 1) * s->dilationWidth;
  if (s->gapHeight > 1 || s->gapWidth > 1 || p.column + c->tile > s->width) return 0;
  if (top < 0 || left < 0 || bottom >= s->sourceHeight || right >= s->sourceWidth) return 0;
  *shift = ((p.image * s->sourceHeight + top) * s->sourceWidth + left) * s->depth * (Address)sizeof(float);
  return 1;
}

static void locate_strip(const Call *c, int64_t firstTile, int64_t tiles, Place *places, Address *tables) {
  for (int64_t t = 0; t < tiles; t++) {
    const int64_t first = (firstTile + t) * c->tile;
    if (is_inside(c, pixel_at(&c->s, first), &places[t].shift)) places[t].addresses = c->inside;
    else {
      locate_each(c, first, tables);
      places[t] = (Place){tables, 0};
      tables += c->taps * c->tile;
    }
  }
}

// ---- Strips ----

// A task is a strip of tiles by a group of panels. Each element of y is computed whole, by one of them.
static void run_tasks(void *context, int64_t begin, int64_t end, int thread) {
  const Call *c = context;
  Place *places = (Place *)(c->scratch + thread * c->scratchBytes);
  Address *tables = (Address *)(places + c->tilesPerStrip);
  const Panels *panels = &c->panels;
  const int64_t allTiles = (c->pixels + c->tile - 1) / c->tile;
  for (int64_t task = begin; task < end; task++) {
    const int64_t group = task % c->groups, firstTile = task / c->groups * c->tilesPerStrip;
    const int64_t tiles = smaller(c->tilesPerStrip, allTiles - firstTile);
    locate_strip(c, firstTile, tiles, places, tables);
    for (int64_t panel = panels->count * group / c->groups; panel < panels->count * (group + 1) / c->groups; panel++) {
      const int64_t channel = panel_channel(panels, panel);
      const float *weights = c->weights + channel * c->taps * c->s.depth;
      Tile *tile = tiles_by_vectors[panel_vectors(panels, panel)];
      for (int64_t t = 0; t < tiles; t++) tile(c, places[t], weights, (firstTile + t) * c->tile, channel);
    }
  }
}

// ---- Weights ----

typedef struct {
  Weights from;
  int64_t depth, taps, channels;
  Panels panels;
  float *packed; // [panel][tap][k][panel's channels]
} Packing;

// Packs one k of one tap of every panel for each index in [begin, end).
static void pack_rows(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  const Packing *p = context;
  for (int64_t panel = 0; panel < p->panels.count; panel++) {
    const int64_t first = panel_channel(&p->panels, panel), width = panel_vectors(&p->panels, panel) * VL;
    const int64_t channels = smaller(width, p->channels - first);
    const Weights *w = &p->from;
    float *packed = p->packed + first * p->taps * p->depth;
    for (int64_t row = begin; row < end; row++) {
      const float *from = w->values + row / p->depth * w->tapStride + row % p->depth * w->depthStride + first * w->channelStride;
      float *to = packed + row * width;
      if (w->channelStride == 1) memcpy(to, from, (size_t)channels * sizeof(float));
      else
        for (int64_t o = 0; o < channels; o++) to[o] = from[o * w->channelStride];
      memset(to + channels, 0, (size_t)(width - channels) * sizeof(float));
    }
  }
}

// ---- The call ----

// Strips whose source fits the second-level cache; fewer tiles where threads would go without work, and then groups of
// panels. Neither changes any sum.
static void choose_tasks(Call *c, int threads) {
  const int64_t tiles = (c->pixels + c->tile - 1) / c->tile, wanted = (int64_t)TASKS_PER_THREAD * threads;
  const int64_t fitting = SOURCE_BYTES_PER_STRIP / (c->s.depth * c->s.strideWidth * c->tile * (int64_t)sizeof(float));
  c->tilesPerStrip = smaller(MAX_TILES_PER_STRIP, larger(8, smaller(fitting, tiles / wanted)));
  const int64_t strips = (tiles + c->tilesPerStrip - 1) / c->tilesPerStrip;
  c->groups = smaller(c->panels.count, (wanted + strips - 1) / strips);
}

int KERNEL(correlate)(const Correlation *shape, const float *source, Weights weights, const float *bias,
                      Activation activation, float alpha, float *y) {
  Call c = {.s = *shape, .source = source, .activation = activation, .alpha = alpha, .y = y};
  c.taps = shape->filterHeight * shape->filterWidth;
  c.pixels = shape->batch * shape->height * shape->width;
  c.panels = panels_of(shape->channels, WIDEST_PANEL);
  c.tile = tile_size(&c.panels);
  const int threads = thread_count();
  choose_tasks(&c, threads);
  const int64_t packedChannels = c.panels.vectors * VL, packedRows = c.taps * shape->depth;
  c.scratchBytes = round_up(c.tilesPerStrip * ((int64_t)sizeof(Place) + c.taps * c.tile * (int64_t)sizeof(Address)), CACHE_LINE);

  float *packed = scratch_floats(packedRows * packedChannels), *paddedBias = scratch_floats(packedChannels);
  float *zeros = scratch_floats(shape->depth);
  c.inside = scratch_allocate((size_t)(c.taps * c.tile) * sizeof(Address));
  c.scratch = scratch_allocate((size_t)(threads * c.scratchBytes));
  const int missing = !packed || !paddedBias || !zeros || !c.inside || !c.scratch;
  if (!missing) {
    memset(zeros, 0, (size_t)shape->depth * sizeof(float));
    memset(paddedBias, 0, (size_t)packedChannels * sizeof(float));
    if (bias) memcpy(paddedBias, bias, (size_t)shape->channels * sizeof(float));
    c.weights = packed, c.bias = paddedBias, c.zeros = zeros;
    locate_inside(&c);
    Packing packing = {weights, shape->depth, c.taps, shape->channels, c.panels, packed};
    parallel_for(packedRows, 64, pack_rows, &packing);
    const int64_t stripPixels = c.tile * c.tilesPerStrip, strips = (c.pixels + stripPixels - 1) / stripPixels;
    parallel_for_on(threads, strips * c.groups, 1, run_tasks, &c);
  }
  scratch_free(packed), scratch_free(paddedBias), scratch_free(zeros), scratch_free(c.inside), scratch_free(c.scratch);
  return missing;
}
