// One step of TensorFlow 1's centered RMSProp, in its order of operations; nothing is fused, because mean square minus
// squared mean cancels and must round as TensorFlow rounds it.
#include "../threads.h"
#include "kernels.h"

enum { GRAIN = 1 << 13 }; // elements

typedef struct {
  const RMSPropOptions *options;
  const float *const *in;
  float *const *out;
} Step;

static void step_chunk(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  const Step *c = context;
  const float rate = c->options->learningRate, momentum = c->options->momentum, epsilon = c->options->epsilon;
  const float fresh = 1.f - c->options->decay;
  for (int64_t i = begin; i < end; i += VL) {
    const int count = end - i < VL ? (int)(end - i) : VL;
    vf in[5];
    for (int k = 0; k < 5; k++) in[k] = count == VL ? v_load(c->in[k] + i) : v_load_part(c->in[k] + i, count);
    const vf variable = in[0], gradient = in[4];
    const vf meanSquare = in[1] + (gradient * gradient - in[1]) * fresh;
    const vf meanGradient = in[2] + (gradient - in[2]) * fresh;
    const vf variance = meanSquare - meanGradient * meanGradient;
    const vf velocity = in[3] * momentum + gradient * rate / v_sqrt(variance + epsilon);
    const vf out[4] = {variable - velocity, meanSquare, meanGradient, velocity};
    for (int k = 0; k < 4; k++)
      if (count == VL) v_store(c->out[k] + i, out[k]);
      else v_store_part(c->out[k] + i, out[k], count);
  }
}

void KERNEL(rmsprop)(const RMSPropOptions *options, const float *const in[5], float *const out[4], int64_t count) {
  parallel_for(count, GRAIN, step_chunk, &(Step){options, in, out});
}
