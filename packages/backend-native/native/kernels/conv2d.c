// Convolution and its gradient by the input as correlations. The gradient is a correlation of dy with the filter turned
// by 180° and its channels swapped: a stride of the convolution becomes a gap between dy's pixels.
#include "correlation.h"

// A 1x1 filter that visits every pixel knows no rows: one long row has no borders and fills every tile.
static Correlation flattened(Correlation s) {
  const int64_t pixels = s.batch * s.height * s.width;
  if (s.filterHeight != 1 || s.filterWidth != 1 || s.batch * s.sourceHeight * s.sourceWidth != pixels) return s;
  if (s.strideHeight != 1 || s.strideWidth != 1 || s.padTop != 0 || s.padLeft != 0) return s;
  s.batch = s.sourceHeight = s.height = 1;
  s.sourceWidth = s.width = pixels;
  return s;
}

int KERNEL(conv2d)(const Conv2DShape *s, const float *x, const float *filter, const float *bias, Activation activation,
                   float alpha, float *y) {
  const Correlation shape = flattened((Correlation){
      .batch = s->batch, .sourceHeight = s->inHeight, .sourceWidth = s->inWidth, .depth = s->inChannels,
      .height = s->outHeight, .width = s->outWidth, .channels = s->outChannels,
      .filterHeight = s->filterHeight, .filterWidth = s->filterWidth,
      .strideHeight = s->strideHeight, .strideWidth = s->strideWidth, .gapHeight = 1, .gapWidth = 1,
      .dilationHeight = s->dilationHeight, .dilationWidth = s->dilationWidth, .padTop = s->padTop, .padLeft = s->padLeft});
  const Weights weights = {filter, (int64_t)s->inChannels * s->outChannels, s->outChannels, 1};
  const int later = activation == ACTIVATION_elu || activation == ACTIVATION_sigmoid; // in a sweep of their own
  if (KERNEL(correlate)(&shape, x, weights, bias, later ? ACTIVATION_linear : activation, alpha, y)) return 1;
  const int64_t count = (int64_t)s->batch * s->outHeight * s->outWidth * s->outChannels;
  if (later) KERNEL(unary)(activation == ACTIVATION_elu ? UNARY_elu : UNARY_sigmoid, y, y, count, alpha);
  return 0;
}

int KERNEL(conv2d_backprop_input)(const Conv2DShape *s, const float *dy, const float *filter, float *dx) {
  const Correlation shape = flattened((Correlation){
      .batch = s->batch, .sourceHeight = s->outHeight, .sourceWidth = s->outWidth, .depth = s->outChannels,
      .height = s->inHeight, .width = s->inWidth, .channels = s->inChannels,
      .filterHeight = s->filterHeight, .filterWidth = s->filterWidth,
      .strideHeight = 1, .strideWidth = 1, .gapHeight = s->strideHeight, .gapWidth = s->strideWidth,
      .dilationHeight = s->dilationHeight, .dilationWidth = s->dilationWidth,
      .padTop = (s->filterHeight - 1) * s->dilationHeight - s->padTop,
      .padLeft = (s->filterWidth - 1) * s->dilationWidth - s->padLeft});
  const int64_t tap = (int64_t)s->inChannels * s->outChannels, taps = (int64_t)s->filterHeight * s->filterWidth;
  const Weights weights = {filter + (taps - 1) * tap, -tap, 1, s->outChannels};
  return KERNEL(correlate)(&shape, dy, weights, NULL, ACTIVATION_linear, 0, dx);
}
