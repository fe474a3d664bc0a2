// A 3x3 convolution on blocked tensors, stride 1, SAME; and, with the filter turned, its gradient by the input.
#pragma once
#include "../operations.h"
#include "layout.h"

enum { BLOCKED_PARTS = 8 };

// Tensors of a call have its batch, height and width, and lie on cache lines. Those that are read (or written) together are
// one tensor along channels, part by part.
typedef struct {
  const float *data;
  int channels;
} BlockedPart;

typedef struct {
  float *data;
  int channels;
  const float *mask; // NULL; or of the output's shape (or `data` itself), and the output is zero where it is not positive
} BlockedOutput;

typedef struct {
  int batch, height, width, partCount, outputCount;
  BlockedPart parts[BLOCKED_PARTS];
  BlockedOutput outputs[BLOCKED_PARTS];
  const float *filter;   // [3][3][channels of parts][channels of outputs]
  int gradient;          // or [3][3][channels of outputs][channels of parts], and turned by 180°: parts are dy, outputs dx
  const float *bias;     // of each output channel, or NULL
  Activation activation; // linear, relu, relu6 or leakyrelu (with slope alpha)
  float alpha;
  float *pooled; // NULL; or the maxima of 2x2 pixels, [batch, height / 2, width / 2, channels of outputs]
} BlockedConvolution;

static inline int blocked_input_channels(const BlockedConvolution *c) {
  int channels = 0;
  for (int i = 0; i < c->partCount; i++) channels += c->parts[i].channels;
  return channels;
}

static inline int blocked_output_channels(const BlockedConvolution *c) {
  int channels = 0;
  for (int i = 0; i < c->outputCount; i++) channels += c->outputs[i].channels;
  return channels;
}
