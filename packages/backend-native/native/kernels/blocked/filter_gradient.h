// The gradient by the filter of a convolution on blocked tensors, stride 1, SAME: 3x3, or, `upsampled`, of x doubled and then
// 2x2.
#pragma once
#include "convolution.h"

typedef struct {
  int batch, height, width, partCount; // of x, which is its parts along channels
  BlockedPart parts[BLOCKED_PARTS];
  int outChannels;
  const float *dy; // of x's size, or, `upsampled`, of twice its height and width
  int upsampled;
  int exact;       // 3x3 by the definition, not by Winograd's transforms
  float *dfilter;  // [3][3] or [2][2], [channels of parts][outChannels]
  float *dbias;    // the sums of dy's channels, or NULL
} BlockedFilterGradient;
