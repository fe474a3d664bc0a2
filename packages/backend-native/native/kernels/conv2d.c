// Convolution by the definition.
#include <math.h>
#include "../threads.h"
#include "kernels.h"

static float activate(Activation activation, float alpha, float x) {
  switch (activation) {
    case ACTIVATION_relu: return x > 0 ? x : 0;
    case ACTIVATION_relu6: return x > 6 ? 6 : x > 0 ? x : 0;
    case ACTIVATION_elu: return x >= 0 ? x : expf(x) - 1;
    case ACTIVATION_leakyrelu: return x >= 0 ? x : x * alpha;
    case ACTIVATION_sigmoid: return 1 / (1 + expf(-x));
    default: return x;
  }
}

typedef struct {
  const Conv2DShape *s;
  const float *x, *filter, *bias, *dy;
  Activation activation;
  float alpha, *out;
} Call;

// Calls body for each pair (output pixel, filter tap) that meets a pixel of the input.
#define FOR_TAPS(s, oy, ox, body)                                                                  \
  for (int fy = 0; fy < (s)->filterHeight; fy++)                                                   \
    for (int fx = 0; fx < (s)->filterWidth; fx++) {                                                \
      const int iy = (oy) * (s)->strideHeight + fy * (s)->dilationHeight - (s)->padTop;            \
      const int ix = (ox) * (s)->strideWidth + fx * (s)->dilationWidth - (s)->padLeft;             \
      if (iy < 0 || iy >= (s)->inHeight || ix < 0 || ix >= (s)->inWidth) continue;                 \
      body                                                                                         \
    }

static void forward(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  const Call *c = context;
  const Conv2DShape *s = c->s;
  for (int64_t row = begin; row < end; row++) {
    const int64_t n = row / s->outHeight;
    const int oy = (int)(row % s->outHeight);
    for (int ox = 0; ox < s->outWidth; ox++) {
      float *y = c->out + (row * s->outWidth + ox) * s->outChannels;
      for (int o = 0; o < s->outChannels; o++) y[o] = c->bias ? c->bias[o] : 0;
      FOR_TAPS(s, oy, ox, {
        const float *x = c->x + ((n * s->inHeight + iy) * s->inWidth + ix) * s->inChannels;
        const float *f = c->filter + ((int64_t)fy * s->filterWidth + fx) * s->inChannels * s->outChannels;
        for (int i = 0; i < s->inChannels; i++)
          for (int o = 0; o < s->outChannels; o++) y[o] += x[i] * f[(int64_t)i * s->outChannels + o];
      })
      for (int o = 0; o < s->outChannels; o++) y[o] = activate(c->activation, c->alpha, y[o]);
    }
  }
}

int KERNEL(conv2d)(const Conv2DShape *shape, const float *x, const float *filter, const float *bias,
                   Activation activation, float alpha, float *y) {
  Call call = {.s = shape, .x = x, .filter = filter, .bias = bias, .activation = activation, .alpha = alpha, .out = y};
  parallel_for((int64_t)shape->batch * shape->outHeight, 1, forward, &call);
  return 0;
}

static void backprop_input(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  const Call *c = context;
  const Conv2DShape *s = c->s;
  const int64_t image = (int64_t)s->inHeight * s->inWidth * s->inChannels;
  for (int64_t n = begin; n < end; n++) {
    float *dx = c->out + n * image;
    memset(dx, 0, (size_t)image * sizeof(float));
    for (int oy = 0; oy < s->outHeight; oy++)
      for (int ox = 0; ox < s->outWidth; ox++) {
        const float *dy = c->dy + ((n * s->outHeight + oy) * s->outWidth + ox) * s->outChannels;
        FOR_TAPS(s, oy, ox, {
          const float *f = c->filter + ((int64_t)fy * s->filterWidth + fx) * s->inChannels * s->outChannels;
          for (int i = 0; i < s->inChannels; i++) {
            float sum = 0;
            for (int o = 0; o < s->outChannels; o++) sum += dy[o] * f[(int64_t)i * s->outChannels + o];
            dx[((int64_t)iy * s->inWidth + ix) * s->inChannels + i] += sum;
          }
        })
      }
  }
}

int KERNEL(conv2d_backprop_input)(const Conv2DShape *shape, const float *dy, const float *filter, float *dx) {
  Call call = {.s = shape, .dy = dy, .filter = filter, .out = dx};
  parallel_for(shape->batch, 1, backprop_input, &call);
  return 0;
}

int KERNEL(conv2d_backprop_filter)(const Conv2DShape *s, const float *x, const float *dy, float *dfilter) {
  const int64_t tap = (int64_t)s->inChannels * s->outChannels;
  memset(dfilter, 0, (size_t)(tap * s->filterHeight * s->filterWidth) * sizeof(float));
  for (int64_t n = 0; n < s->batch; n++)
    for (int oy = 0; oy < s->outHeight; oy++)
      for (int ox = 0; ox < s->outWidth; ox++) {
        const float *g = dy + ((n * s->outHeight + oy) * s->outWidth + ox) * s->outChannels;
        FOR_TAPS(s, oy, ox, {
          const float *p = x + ((n * s->inHeight + iy) * s->inWidth + ix) * s->inChannels;
          float *f = dfilter + ((int64_t)fy * s->filterWidth + fx) * tap;
          for (int i = 0; i < s->inChannels; i++)
            for (int o = 0; o < s->outChannels; o++) f[(int64_t)i * s->outChannels + o] += p[i] * g[o];
        })
      }
  return 0;
}
