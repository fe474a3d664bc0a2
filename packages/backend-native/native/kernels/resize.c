// Nearest-neighbour resizing by the definition.
#include <math.h>
#include "kernels.h"

// The input row (or column) that output position `out` reads.
static int source(int out, int inSize, int outSize, int alignCorners, int halfPixelCenters) {
  const float scale = alignCorners && outSize > 1 ? (float)(inSize - 1) / (float)(outSize - 1) : (float)inSize / (float)outSize;
  const float at = halfPixelCenters ? scale * ((float)out + 0.5f) : scale * (float)out;
  const int in = (int)(alignCorners ? roundf(at) : floorf(at));
  return in < inSize ? in : inSize - 1;
}

#define FOR_PAIRS(s, body)                                                                                                    \
  for (int64_t n = 0; n < (s)->batch; n++)                                                                                    \
    for (int oy = 0; oy < (s)->outHeight; oy++)                                                                               \
      for (int ox = 0; ox < (s)->outWidth; ox++) {                                                                            \
        const int iy = source(oy, (s)->inHeight, (s)->outHeight, (s)->alignCorners, (s)->halfPixelCenters);                   \
        const int ix = source(ox, (s)->inWidth, (s)->outWidth, (s)->alignCorners, (s)->halfPixelCenters);                     \
        const int64_t in = ((n * (s)->inHeight + iy) * (s)->inWidth + ix) * (s)->channels;                                    \
        const int64_t out = ((n * (s)->outHeight + oy) * (s)->outWidth + ox) * (s)->channels;                                 \
        for (int c = 0; c < (s)->channels; c++) body                                                                          \
      }

int KERNEL(resize_nearest)(const ResizeShape *shape, const float *x, float *y) {
  FOR_PAIRS(shape, { y[out + c] = x[in + c]; })
  return 0;
}

int KERNEL(resize_nearest_grad)(const ResizeShape *shape, const float *dy, float *dx) {
  memset(dx, 0, (size_t)((int64_t)shape->batch * shape->inHeight * shape->inWidth * shape->channels) * sizeof(float));
  FOR_PAIRS(shape, { dx[in + c] += dy[out + c]; })
  return 0;
}
