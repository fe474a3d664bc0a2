// The weights of a 1x1 convolution to few channels.
#pragma once
#include "../../scratch.h"
#include "layout.h"

enum { MAX_OUTPUTS = 16 };

// [channels][outputs] → [places][channels], zeros where there is no output, or no filter. NULL where memory ran out.
static inline float *head_weights(const float *filter, int channels, int outputs, int places) {
  float *weights = scratch_floats((int64_t)channels * places);
  for (int64_t i = 0; weights && i < (int64_t)channels * places; i++) {
    const int64_t output = i / channels;
    weights[i] = filter && output < outputs ? filter[i % channels * outputs + output] : 0;
  }
  return weights;
}
