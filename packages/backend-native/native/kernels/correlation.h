// The one loop behind convolution, its gradient by the input, and matrix products:
//
//   y[p][o] = activation(bias[o] + Σ_tap Σ_k source[window(p, tap)][k] · weights[tap][k][o])
//
// p runs over the pixels of y, row-major over batch, height and width; k over the source's channels.
#pragma once
#include "kernels.h"

// Pixel (row, column) of y and tap (i, j) meet at i·dilation + row·stride − pad in a source that has `gap` − 1 zero rows
// between its rows (and the same for columns); outside, and between, there are zeros.
typedef struct {
  int64_t batch, sourceHeight, sourceWidth, depth; // the source: [batch][sourceHeight][sourceWidth][depth]
  int64_t height, width, channels;                 // y: [batch][height][width][channels]
  int64_t filterHeight, filterWidth;
  int64_t strideHeight, strideWidth, gapHeight, gapWidth, dilationHeight, dilationWidth, padTop, padLeft;
} Correlation;

// Where the weight of (tap, k, o) lies: values[tap·tapStride + k·depthStride + o·channelStride].
typedef struct {
  const float *values;
  int64_t tapStride, depthStride, channelStride;
} Weights;

// activation: linear, relu, relu6 or leakyrelu (with slope alpha). bias may be NULL. 1 when memory ran out, else 0.
int KERNEL(correlate)(const Correlation *shape, const float *source, Weights weights, const float *bias,
                      Activation activation, float alpha, float *y);
