// How kernels walk over blocked tensors: tiles of an image in strips of some tens, in order over images, rows and columns, as
// runs of neighbours in a row.
#pragma once
#include "planes.h"

enum { MAX_STRIP = 128 };

// Row and column count tiles.
typedef struct {
  int64_t image, row, column, tiles;
} Run;

typedef struct {
  int64_t tiles, count;
  Run runs[MAX_STRIP];
} Runs;

// Rows and columns of tiles in an image; all tiles; tiles of a strip; strips.
typedef struct {
  int64_t down, across, tiles, stripTiles, strips;
} Tiling;

static inline Tiling tiling_of(int64_t batch, int64_t down, int64_t across, int64_t stripTiles) {
  Tiling t = {.down = down, .across = across, .tiles = batch * down * across, .stripTiles = stripTiles};
  t.strips = (t.tiles + stripTiles - 1) / stripTiles;
  return t;
}

static inline void locate_runs(const Tiling *t, int64_t strip, Runs *runs) {
  const int64_t first = strip * t->stripTiles, rest = t->tiles - first;
  runs->tiles = rest < t->stripTiles ? rest : t->stripTiles, runs->count = 0;
  Run at = {.image = first / t->across / t->down, .row = first / t->across % t->down, .column = first % t->across};
  for (int64_t left = runs->tiles; left > 0; left -= at.tiles, at.column = 0) {
    at.tiles = left < t->across - at.column ? left : t->across - at.column;
    runs->runs[runs->count++] = at;
    if (++at.row == t->down) at.row = 0, at.image++;
  }
}

// A tensor as tiles read or write it: each has step x step pixels.
typedef struct {
  const Plane *planes; // of each block of channels
  int64_t blocks, rowStride;
  int step;
} Tiled;

// The first pixel of a run's first tile.
INLINE float *run_pixels(const Tiled *t, int64_t block, const Run *r) {
  const Plane p = t->planes[block];
  return p.first + r->image * p.imageStride + (r->row * t->step + 1) * t->rowStride + (r->column * t->step + 1) * BLOCK;
}

// ---- Reading ahead ----

// The memory that a strip will read of some tensors, as rows of cache lines. While another strip is computed, some lines at a
// time are asked for. A window of x goes one row below its tile, and the tiles above have read the tile's first row: so
// `lead` rows are skipped.
typedef struct {
  const Tiled *tensor;
  int lead, row;      // of the next row of lines
  const Runs *runs;
  int64_t block, run;
  const float *line;
  int64_t left;       // lines of this row
} Ahead;

INLINE int64_t ahead_lines(const Tiled *t, const Runs *runs) { return runs->tiles * t->blocks * t->step * t->step; }

// Takes the next row of lines; 0 where there is none.
static inline int ahead_row(Ahead *a) {
  const Tiled *t = a->tensor;
  if (a->run == a->runs->count) a->run = 0, a->block++;
  if (a->runs->count == 0 || a->block >= t->blocks) return 0;
  const Run *r = a->runs->runs + a->run;
  a->line = run_pixels(t, a->block, r) + (a->lead + a->row) * t->rowStride;
  a->left = r->tiles * t->step;
  if (++a->row == t->step) a->row = 0, a->run++;
  return 1;
}

INLINE void read_ahead(Ahead *a, int64_t lines) {
  for (; lines > 0; lines--, a->left--, a->line += BLOCK) {
    if (a->left == 0 && !ahead_row(a)) return;
    prefetch(a->line);
  }
}
