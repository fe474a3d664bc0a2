// Sums, means, maxima and minima of x[outer][reduced][inner] over `reduced`.
//
// Work is cut into bands of fixed size. A band is summed in float by a few independent vectors, over a few hundred
// values each; bands are added in double, in their order. So errors stay near one rounding, and any number of threads
// gives the same bits.
#include <math.h>
#include <stdlib.h>
#include "../threads.h"
#include "functions.h"
#include "kernels.h"
#include "sums.h"

typedef struct {
  ReduceOp op;
  const float *x;
  double *partial; // [outer][bands][inner]
  float *y;
  int64_t outer, reduced, inner, rows /* of a band */, bands;
} Reduction;

// `width` ≤ 4·VL columns of `rows` rows.
INLINE void columns_of(ReduceOp op, const float *x, int64_t rows, int64_t stride, int width, double *out) {
  const int vectors = width / VL, rest = width % VL;
  vf sums[4];
  for (int k = 0; k < 4; k++) sums[k] = v_set((float)neutral(op));
  for (int64_t r = 0; r < rows; r++, x += stride) {
    UNROLL(4)
    for (int k = 0; k < 4; k++)
      if (k < vectors) sums[k] = combine(op, sums[k], v_load(x + k * VL));
    if (rest) sums[vectors] = combine(op, sums[vectors], v_load_part(x + vectors * VL, rest));
  }
  for (int k = 0; k < width; k++) out[k] = combine_scalar(op, out[k], (double)sums[k / VL][k % VL]);
}

enum { SHORT = 64 }; // rows that a float adds up

INLINE void band(ReduceOp op, const Reduction *c, int64_t unit) {
  const int64_t first = unit % c->bands * c->rows;
  const int64_t rows = first + c->rows < c->reduced ? c->rows : c->reduced - first;
  const float *x = c->x + (unit / c->bands * c->reduced + first) * c->inner;
  double *out = c->partial + unit * c->inner;
  if (c->inner == 1) {
    Run run;
    run_start(op, &run);
    run_more(op, &run, x, rows);
    *out = run_end(op, &run, x + rows - rows % VL, rows % VL);
    return;
  }
  for (int64_t i = 0; i < c->inner; i++) out[i] = neutral(op);
  for (int64_t r = 0; r < rows; r += SHORT) {
    const int64_t some = r + SHORT < rows ? SHORT : rows - r;
    int64_t i = 0;
    for (; i + 4 * VL <= c->inner; i += 4 * VL) columns_of(op, x + r * c->inner + i, some, c->inner, 4 * VL, out + i);
    for (; i + 2 * VL <= c->inner; i += 2 * VL) columns_of(op, x + r * c->inner + i, some, c->inner, 2 * VL, out + i);
    if (i < c->inner) columns_of(op, x + r * c->inner + i, some, c->inner, (int)(c->inner - i), out + i);
  }
}

static void bands_chunk(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  const Reduction *c = context;
  for (int64_t unit = begin; unit < end; unit++) switch (c->op) {
      case REDUCE_max: band(REDUCE_max, c, unit); break;
      case REDUCE_min: band(REDUCE_min, c, unit); break;
      default: band(REDUCE_sum, c, unit);
    }
}

static void finish_chunk(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  const Reduction *c = context;
  for (int64_t at = begin; at < end; at++) {
    const double *partial = c->partial + at / c->inner * c->bands * c->inner + at % c->inner;
    double result = partial[0];
    for (int64_t b = 1; b < c->bands; b++) result = combine_scalar(c->op, result, partial[b * c->inner]);
    c->y[at] = (float)(c->op == REDUCE_mean ? result / (double)c->reduced : result);
  }
}

int KERNEL(reduce)(ReduceOp op, const float *x, float *y, int64_t outer, int64_t reduced, int64_t inner) {
  if (outer == 0 || inner == 0) return 0;
  // Bands of columns are longer, since each has a partial result for every column.
  int64_t rows = inner == 1 ? BAND : BAND * 16 / inner;
  if (rows < SHORT) rows = SHORT;
  if (rows > reduced) rows = reduced;
  const int64_t bands = (reduced + rows - 1) / rows;
  double *partial = malloc((size_t)(outer * bands * inner) * sizeof *partial);
  if (!partial) return 1;
  Reduction reduction = {op, x, partial, y, outer, reduced, inner, rows, bands};
  const int64_t size = rows * inner;
  parallel_for(outer * bands, size < BAND ? BAND / size : 1, bands_chunk, &reduction);
  parallel_for(outer * inner, BAND, finish_chunk, &reduction);
  free(partial);
  return 0;
}
