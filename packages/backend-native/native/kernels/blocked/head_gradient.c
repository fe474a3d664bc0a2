// The gradients of the head, in one sweep over its input x: dx[p][c] = Σ_o filter[c][o] · dy[p][o], zero where the ReLU that
// made x gave nothing, and dfilter[c][o] = Σ_p x[p][c] · dy[p][o].
#include "../../scratch.h"
#include "../../threads.h"
#include "../kernels.h"
#include "bands.h"
#include "head.h"
#include "stream.h"

enum { STRIP = 128 /* pixels */ };

typedef struct {
  BlockedShape s;
  int outputs, places; // outputs; of those that a strip's loops have, a power of two
  int masked, stream;
  const float *x, *dy, *weights; // weights as [places][channels]
  float *dx;
  float *bands; // [band][places][channels] of dfilter
} Call;

// One block of a strip. x is NULL where neither mask nor dfilter need it, dfilter and dx where nobody wants them.
INLINE void strip(int places, const Call *c, int64_t pixels, const float *x, const float *dy, const float *weights, float *dfilter, float *dx) {
  vf sums[MAX_OUTPUTS][VECTORS], w[MAX_OUTPUTS][VECTORS];
  const int64_t channels = c->s.channels;
  UNROLL(16) for (int o = 0; o < places; o++)
    UNROLL(4) for (int v = 0; v < VECTORS; v++) {
      sums[o][v] = v_set(0);
      w[o][v] = v_load(weights + o * channels + v * VL);
    }
  for (int64_t p = 0; p < pixels; p++)
    UNROLL(4) for (int v = 0; v < VECTORS; v++) {
      const int64_t at = p * BLOCK + v * VL;
      if (x && v == 0) prefetch(x + at + AHEAD * BLOCK);
      const vf value = x ? v_load(x + at) : v_set(0);
      vf gradient = v_set(0);
      UNROLL(16) for (int o = 0; o < places; o++) {
        const vf d = v_set(dy[p * places + o]);
        gradient = o == 0 ? w[o][v] * d : v_fma(w[o][v], d, gradient);
        sums[o][v] = v_fma(value, d, sums[o][v]);
      }
      if (dx) v_put(dx + at, c->masked ? v_select(value > 0.f, gradient, v_set(0)) : gradient, c->stream);
    }
  if (dfilter)
    UNROLL(16) for (int o = 0; o < places; o++)
      UNROLL(4) for (int v = 0; v < VECTORS; v++) {
        float *to = dfilter + o * channels + v * VL;
        v_store(to, v_load(to) + sums[o][v]);
      }
}

static void any_strip(const Call *c, int64_t pixels, const float *x, const float *dy, const float *weights, float *dfilter, float *dx) {
  switch (c->places) {
    case 1: strip(1, c, pixels, x, dy, weights, dfilter, dx); break;
    case 2: strip(2, c, pixels, x, dy, weights, dfilter, dx); break;
    case 4: strip(4, c, pixels, x, dy, weights, dfilter, dx); break;
    case 8: strip(8, c, pixels, x, dy, weights, dfilter, dx); break;
    default: strip(16, c, pixels, x, dy, weights, dfilter, dx);
  }
}

// dy with as many places a pixel as the loops have.
static const float *widened(const Call *c, const float *dy, int64_t pixels, float *to) {
  if (c->outputs == c->places) return dy;
  for (int64_t p = 0; p < pixels; p++)
    for (int o = 0; o < c->places; o++) to[p * c->places + o] = o < c->outputs ? dy[p * c->outputs + o] : 0;
  return to;
}

static void band_of_rows(const Call *c, int64_t band, int64_t block) {
  const BlockedShape s = c->s;
  const int64_t last = smaller((band + 1) * band_rows(s), (int64_t)s.batch * s.height), channel = block * BLOCK;
  float *dfilter = c->bands ? c->bands + band * c->places * s.channels + channel : NULL;
  for (int o = 0; dfilter && o < c->places; o++) memset(dfilter + o * s.channels, 0, BLOCK * sizeof(float));
  float wide[STRIP * MAX_OUTPUTS];
  for (int64_t row = band * band_rows(s); row < last; row++) {
    const int64_t image = row / s.height, y = row % s.height;
    if (c->dx && y == 0) blocked_clear_edges(c->dx, s, image, block);
    for (int64_t x = 0; x < s.width; x += STRIP) {
      const int64_t pixels = smaller(STRIP, s.width - x), at = blocked_offset(s, image, block, y, x);
      const float *dy = widened(c, c->dy + (row * s.width + x) * c->outputs, pixels, wide);
      any_strip(c, pixels, c->x ? c->x + at : NULL, dy, c->weights + channel, dfilter, c->dx ? c->dx + at : NULL);
    }
  }
}

static void bands_chunk(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  const Call *c = context;
  const int64_t blocks = blocked_blocks(c->s);
  for (int64_t unit = begin; unit < end; unit++) band_of_rows(c, unit / blocks, unit % blocks);
  stream_end();
}

int KERNEL(head_gradient)(BlockedShape shape, int outputs, const float *x, const float *dy, const float *filter, int masked,
                          float *dx, float *dfilter, float *dbias) {
  if (dbias && KERNEL(reduce)(REDUCE_sum, dy, dbias, 1, (int64_t)shape.batch * shape.height * shape.width, outputs)) return 1;
  if (!dx && !dfilter) return 0;
  int places = 1;
  while (places < outputs) places *= 2;
  const int64_t bands = band_count(shape), size = (int64_t)places * shape.channels;
  float *weights = head_weights(filter, shape.channels, outputs, places);
  float *sums = dfilter ? scratch_floats((bands + 1) * size) : NULL;
  const int failed = !weights || (dfilter && !sums);
  if (!failed) {
    const int stream = dx && dx != x && is_streamed(dx, shape); // written over x, it is in the caches already
    Call c = {shape, outputs, places, masked, stream, dfilter || masked ? x : NULL, dy, weights, dx, sums};
    parallel_for(bands * blocked_blocks(shape), 1, bands_chunk, &c);
    float *total = sums + bands * size; // [places][channels]
    if (dfilter) add_bands(sums, bands, size, 0, size, total);
    for (int64_t i = 0; dfilter && i < (int64_t)shape.channels * outputs; i++)
      dfilter[i] = total[i % outputs * shape.channels + i / outputs];
  }
  scratch_free(sums);
  scratch_free(weights);
  return failed;
}
