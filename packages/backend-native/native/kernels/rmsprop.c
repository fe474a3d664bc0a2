// One step of TensorFlow 1's centered RMSProp for all variables, in its order of operations; nothing is fused, because mean
// square minus squared mean cancels and must round as TensorFlow rounds it.
#include "../threads.h"
#include "kernels.h"
#include "panels.h"

enum { CHUNK = 1 << 13 }; // elements

typedef struct {
  const RMSPropOptions *options;
  const RMSPropTensor *tensors;
  int count;
} Step;

static int64_t chunks_of(const RMSPropTensor *tensor) { return (tensor->count + CHUNK - 1) / CHUNK; }

static void update(const RMSPropOptions *o, const RMSPropTensor *t, int64_t begin, int64_t end) {
  const float rate = o->learningRate, momentum = o->momentum, epsilon = o->epsilon, fresh = 1.f - o->decay;
  const float weightDecay = o->weightDecay ? *o->weightDecay : 0, lossScale = o->lossScale ? *o->lossScale : 1;
  for (int64_t i = begin; i < end; i += VL) {
    const int count = end - i < VL ? (int)(end - i) : VL;
    vf in[5];
    for (int k = 0; k < 5; k++) in[k] = count == VL ? v_load(t->in[k] + i) : v_load_part(t->in[k] + i, count);
    const vf variable = in[0];
    vf gradient = in[4];
    if (o->weightDecay) gradient += variable * weightDecay;
    if (o->lossScale) gradient /= lossScale;
    const vf meanSquare = in[1] + (gradient * gradient - in[1]) * fresh;
    const vf meanGradient = in[2] + (gradient - in[2]) * fresh;
    const vf variance = meanSquare - meanGradient * meanGradient;
    const vf velocity = in[3] * momentum + gradient * rate / v_sqrt(variance + epsilon);
    const vf out[4] = {variable - velocity, meanSquare, meanGradient, velocity};
    for (int k = 0; k < 4; k++)
      if (count == VL) v_store(t->out[k] + i, out[k]);
      else v_store_part(t->out[k] + i, out[k], count);
  }
}

// Chunks are counted through all tensors.
static void chunks(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  const Step *step = context;
  int64_t first = 0; // chunk of the tensor
  for (int i = 0; i < step->count && first < end; i++) {
    const RMSPropTensor *t = &step->tensors[i];
    const int64_t from = larger(begin, first) - first, to = smaller(end - first, chunks_of(t));
    if (from < to) update(step->options, t, from * CHUNK, smaller(to * CHUNK, t->count));
    first += chunks_of(t);
  }
}

void KERNEL(rmsprop)(const RMSPropOptions *options, const RMSPropTensor *tensors, int count) {
  int64_t total = 0;
  for (int i = 0; i < count; i++) total += chunks_of(&tensors[i]);
  parallel_for(total, 1, chunks, &(Step){options, tensors, count});
}
