// Weights of a 3x3 filter as tfjs has it, for VL output channels at a time.
#pragma once
#include "../isa.h"
#include "convolution.h"

typedef struct {
  const float *values;
  int64_t depth, outputs; // input and output channels
  int turned;             // values are [3][3][outputs][depth], to be turned by 180°; else [3][3][depth][outputs]
} Filter;

static inline Filter filter_of(const BlockedConvolution *c) {
  return (Filter){c->filter, blocked_input_channels(c), blocked_output_channels(c), c->gradient};
}

// weights[tap][k]: of VL input channels from `input` on, to VL output channels from `output` on.
INLINE void load_filter(const Filter *f, int64_t input, int64_t output, vf weights[9][VL]) {
  const int64_t tap = f->depth * f->outputs;
  for (int i = 0; i < 9; i++)
    if (f->turned) {
      const float *from = f->values + (8 - i) * tap + output * f->depth + input;
      UNROLL(16) for (int o = 0; o < VL; o++) weights[i][o] = v_load(from + o * f->depth);
      v_transpose(weights[i]);
    } else {
      const float *from = f->values + i * tap + input * f->outputs + output;
      UNROLL(16) for (int k = 0; k < VL; k++) weights[i][k] = v_load(from + k * f->outputs);
    }
}
