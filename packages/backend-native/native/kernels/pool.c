// Max-pooling by the definition.
#include <math.h>
#include "kernels.h"

// Offset in x of the first maximum of one window and channel, or -1 where there is none above -∞.
static int64_t first_maximum(const PoolShape *s, const float *x, int64_t n, int oy, int ox, int channel) {
  float best = -INFINITY;
  int64_t at = -1;
  for (int fy = 0; fy < s->filterHeight; fy++)
    for (int fx = 0; fx < s->filterWidth; fx++) {
      const int iy = oy * s->strideHeight + fy * s->dilationHeight - s->padTop;
      const int ix = ox * s->strideWidth + fx * s->dilationWidth - s->padLeft;
      if (iy < 0 || iy >= s->inHeight || ix < 0 || ix >= s->inWidth) continue;
      const int64_t offset = ((n * s->inHeight + iy) * s->inWidth + ix) * s->channels + channel;
      if (x[offset] > best) best = x[at = offset];
    }
  return at;
}

#define FOR_OUTPUTS(s)                              \
  for (int64_t n = 0, out = 0; n < (s)->batch; n++) \
    for (int oy = 0; oy < (s)->outHeight; oy++)     \
      for (int ox = 0; ox < (s)->outWidth; ox++)    \
        for (int c = 0; c < (s)->channels; c++, out++)

int KERNEL(max_pool)(const PoolShape *shape, const float *x, float *y) {
  FOR_OUTPUTS(shape) {
    const int64_t at = first_maximum(shape, x, n, oy, ox, c);
    y[out] = at < 0 ? -INFINITY : x[at];
  }
  return 0;
}

int KERNEL(max_pool_grad)(const PoolShape *shape, const float *x, const float *y, const float *dy, float *dx) {
  (void)y;
  memset(dx, 0, (size_t)((int64_t)shape->batch * shape->inHeight * shape->inWidth * shape->channels) * sizeof(float));
  FOR_OUTPUTS(shape) {
    const int64_t at = first_maximum(shape, x, n, oy, ox, c);
    if (at >= 0) dx[at] += dy[out];
  }
  return 0;
}
