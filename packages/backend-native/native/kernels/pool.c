// Max-pooling over channels in vectors. NaNs are never a maximum; a window of nothing else gives −∞ and no gradient.
#include <math.h>
#include "../threads.h"
#include "kernels.h"
#include "panels.h"

typedef struct {
  PoolShape s;
  const float *x, *dy;
  float *out;             // y, or dx
  int64_t rowsPerTask;    // output rows
} Call;

enum { ELEMENTS_PER_TASK = 16 << 10 };

// The taps of a window that meet the tensor: [begin, end), in one direction.
typedef struct {
  int start, begin, end; // start: where tap 0 lies
} Taps;

static Taps taps_of(int out, int stride, int dilation, int pad, int filter, int size) {
  const int start = out * stride - pad;
  const int begin = start < 0 ? (-start + dilation - 1) / dilation : 0;
  const int end = start < size ? (size - 1 - start) / dilation + 1 : 0;
  return (Taps){start, begin, end < filter ? end : filter};
}

INLINE vf load(const float *p, int64_t count) { return count >= VL ? v_load(p) : v_load_part(p, (int)count); }
INLINE void store(float *p, vf v, int64_t count) { count >= VL ? v_store(p, v) : v_store_part(p, v, (int)count); }

// Calls body with `offset`, that of the tap's pixel in x, and `tap`, its number, in row-major order.
#define FOR_TAPS(s, image, rows, columns, body)                                                                  \
  for (int i = rows.begin; i < rows.end; i++) {                                                                  \
    const int64_t row = (image * s->inHeight + rows.start + i * s->dilationHeight) * s->inWidth + columns.start; \
    for (int j = columns.begin; j < columns.end; j++) {                                                          \
      const int64_t offset = (row + j * s->dilationWidth) * s->channels;                                         \
      const int tap = i * s->filterWidth + j;                                                                    \
      (void)tap;                                                                                                 \
      body                                                                                                       \
    }                                                                                                            \
  }

#define ROWS_OF(s, oy) taps_of(oy, (s)->strideHeight, (s)->dilationHeight, (s)->padTop, (s)->filterHeight, (s)->inHeight)
#define COLUMNS_OF(s, ox) taps_of(ox, (s)->strideWidth, (s)->dilationWidth, (s)->padLeft, (s)->filterWidth, (s)->inWidth)

static void forward(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  const Call *c = context;
  const PoolShape *s = &c->s;
  float *y = c->out + begin * s->outWidth * s->channels;
  for (int64_t line = begin; line < end; line++) {
    const int64_t image = line / s->outHeight;
    const Taps rows = ROWS_OF(s, (int)(line % s->outHeight));
    for (int ox = 0; ox < s->outWidth; ox++, y += s->channels) {
      const Taps columns = COLUMNS_OF(s, ox);
      for (int64_t channel = 0; channel < s->channels; channel += VL) {
        vf best = v_set(-INFINITY);
        FOR_TAPS(s, image, rows, columns, { best = v_max(load(c->x + offset + channel, s->channels - channel), best); })
        store(y + channel, best, s->channels - channel);
      }
    }
  }
}

int KERNEL(max_pool)(const PoolShape *shape, const float *x, float *y) {
  Call c = {.s = *shape, .x = x, .out = y};
  const int64_t rowElements = (int64_t)shape->outWidth * shape->channels;
  parallel_for((int64_t)shape->batch * shape->outHeight, larger(1, ELEMENTS_PER_TASK / rowElements), forward, &c);
  return 0;
}

// Gives dy of one output row to the first maximum of each window.
static void scatter_row(const Call *c, int64_t image, int oy) {
  const PoolShape *s = &c->s;
  const Taps rows = ROWS_OF(s, oy);
  const float *dy = c->dy + (image * s->outHeight + oy) * s->outWidth * s->channels;
  for (int ox = 0; ox < s->outWidth; ox++, dy += s->channels) {
    const Taps columns = COLUMNS_OF(s, ox);
    for (int64_t channel = 0; channel < s->channels; channel += VL) {
      const int64_t count = s->channels - channel;
      vf best = v_set(-INFINITY);
      vi winner = v_seti(-1);
      FOR_TAPS(s, image, rows, columns, {
        const vf x = load(c->x + offset + channel, count);
        const vi above = x > best;
        best = v_select(above, x, best);
        winner = (above & v_seti(tap)) | (~above & winner);
      })
      const vf gradient = load(dy + channel, count);
      FOR_TAPS(s, image, rows, columns, {
        float *dx = c->out + offset + channel;
        store(dx, load(dx, count) + v_select(winner == v_seti(tap), gradient, v_set(0)), count);
      })
    }
  }
}

// A task has some output rows of an image and all rows of dx from its first window's top to that of the next task.
static void gradient(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  const Call *c = context;
  const PoolShape *s = &c->s;
  const int64_t tasks = (s->outHeight + c->rowsPerTask - 1) / c->rowsPerTask, width = (int64_t)s->inWidth * s->channels;
  for (int64_t task = begin; task < end; task++) {
    const int64_t image = task / tasks, first = task % tasks * c->rowsPerTask, last = smaller(first + c->rowsPerTask, s->outHeight);
    const int64_t top = first == 0 ? 0 : smaller(s->inHeight, larger(0, first * s->strideHeight - s->padTop));
    const int64_t bottom = last == s->outHeight ? s->inHeight : smaller(s->inHeight, larger(0, last * s->strideHeight - s->padTop));
    memset(c->out + (image * s->inHeight + top) * width, 0, (size_t)((bottom - top) * width) * sizeof(float));
    for (int64_t oy = first; oy < last; oy++) scatter_row(c, image, (int)oy);
  }
}

int KERNEL(max_pool_grad)(const PoolShape *shape, const float *x, const float *y, const float *dy, float *dx) {
  (void)y;
  Call c = {.s = *shape, .x = x, .dy = dy, .out = dx};
  // Windows that overlap from row to row add to the same elements: then one task has the whole image.
  const int apart = shape->strideHeight >= (shape->filterHeight - 1) * shape->dilationHeight + 1;
  const int64_t rowElements = (int64_t)shape->inWidth * shape->channels * shape->strideHeight;
  c.rowsPerTask = apart ? larger(1, ELEMENTS_PER_TASK / rowElements) : shape->outHeight;
  const int64_t tasks = (shape->outHeight + c.rowsPerTask - 1) / c.rowsPerTask;
  parallel_for(shape->batch * tasks, 1, gradient, &c);
  return 0;
}
