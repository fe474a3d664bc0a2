// Nearest-neighbour resizing. Which input row an output row reads is a table, and so are the columns; both never fall, so
// the outputs that read one input are a range, and the gradient is a sum over a rectangle of dy.
#include <math.h>
#include "../scratch.h"
#include "../threads.h"
#include "kernels.h"
#include "panels.h"

enum { ELEMENTS_PER_TASK = 16 << 10 };

typedef struct {
  ResizeShape s;
  const float *from;
  float *to;
  int *rows, *columns; // forward: the input's, for each of the output's; gradient: where an input's range begins
} Call;

// tfjs's arithmetic, in doubles as there.
static int source(int out, int inSize, int outSize, int alignCorners, int halfPixelCenters) {
  const int corners = alignCorners && outSize > 1;
  const double scale = (double)(inSize - corners) / (double)(outSize - corners);
  const double at = scale * (halfPixelCenters ? out + 0.5 : out);
  const int in = (int)(alignCorners ? round(at) : floor(at));
  return in < inSize ? in : inSize - 1;
}

static int start(Call *c, int rowCount, int columnCount) {
  c->rows = scratch_allocate((size_t)rowCount * sizeof(int));
  c->columns = scratch_allocate((size_t)columnCount * sizeof(int));
  return c->rows && c->columns;
}

static int finish(Call *c, int started) {
  scratch_free(c->rows), scratch_free(c->columns);
  return !started;
}

INLINE void copy(float *to, const float *from, int64_t count) {
  int64_t i = 0;
  for (; i + VL <= count; i += VL) v_store(to + i, v_load(from + i));
  for (; i < count; i++) to[i] = from[i];
}

INLINE void add(float *to, const float *from, int64_t count) {
  int64_t i = 0;
  for (; i + VL <= count; i += VL) v_store(to + i, v_load(to + i) + v_load(from + i));
  for (; i < count; i++) to[i] += from[i];
}

static void forward(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  const Call *c = context;
  const ResizeShape *s = &c->s;
  const int64_t width = (int64_t)s->outWidth * s->channels;
  int64_t drawn = -1; // the input row that the output row above shows
  for (int64_t line = begin; line < end; line++) {
    const int64_t row = line / s->outHeight * s->inHeight + c->rows[line % s->outHeight];
    float *y = c->to + line * width;
    if (row == drawn) memcpy(y, y - width, (size_t)width * sizeof(float));
    else
      for (int x = 0; x < s->outWidth; x++)
        copy(y + x * s->channels, c->from + (row * s->inWidth + c->columns[x]) * s->channels, s->channels);
    drawn = row;
  }
}

int KERNEL(resize_nearest)(const ResizeShape *s, const float *x, float *y) {
  Call c = {.s = *s, .from = x, .to = y};
  const int started = start(&c, s->outHeight, s->outWidth);
  if (started) {
    for (int i = 0; i < s->outHeight; i++) c.rows[i] = source(i, s->inHeight, s->outHeight, s->alignCorners, s->halfPixelCenters);
    for (int i = 0; i < s->outWidth; i++) c.columns[i] = source(i, s->inWidth, s->outWidth, s->alignCorners, s->halfPixelCenters);
    const int64_t grain = larger(2, ELEMENTS_PER_TASK / ((int64_t)s->outWidth * s->channels));
    parallel_for((int64_t)s->batch * s->outHeight, grain, forward, &c);
  }
  return finish(&c, started);
}

// ranges[i]: the first output that reads input i or a later one; ranges[inSize] = outSize.
static void find_ranges(int *ranges, int inSize, int outSize, int alignCorners, int halfPixelCenters) {
  for (int in = 0, out = 0; in <= inSize; in++) {
    while (out < outSize && source(out, inSize, outSize, alignCorners, halfPixelCenters) < in) out++;
    ranges[in] = out;
  }
}

static void gradient(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  const Call *c = context;
  const ResizeShape *s = &c->s;
  for (int64_t line = begin; line < end; line++) {
    const int64_t image = line / s->inHeight, row = line % s->inHeight;
    float *dx = c->to + line * s->inWidth * s->channels;
    for (int column = 0; column < s->inWidth; column++, dx += s->channels) {
      int first = 1;
      for (int64_t i = c->rows[row]; i < c->rows[row + 1]; i++)
        for (int64_t j = c->columns[column]; j < c->columns[column + 1]; j++, first = 0) {
          const float *from = c->from + ((image * s->outHeight + i) * s->outWidth + j) * s->channels;
          if (first) copy(dx, from, s->channels);
          else add(dx, from, s->channels);
        }
      if (first) memset(dx, 0, (size_t)s->channels * sizeof(float));
    }
  }
}

int KERNEL(resize_nearest_grad)(const ResizeShape *s, const float *dy, float *dx) {
  Call c = {.s = *s, .from = dy, .to = dx};
  const int started = start(&c, s->inHeight + 1, s->inWidth + 1);
  if (started) {
    find_ranges(c.rows, s->inHeight, s->outHeight, s->alignCorners, s->halfPixelCenters);
    find_ranges(c.columns, s->inWidth, s->outWidth, s->alignCorners, s->halfPixelCenters);
    const int64_t grain = larger(1, ELEMENTS_PER_TASK / ((int64_t)s->outWidth * s->channels));
    parallel_for((int64_t)s->batch * s->inHeight, grain, gradient, &c);
  }
  return finish(&c, started);
}
