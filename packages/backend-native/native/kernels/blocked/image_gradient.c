// The gradient of image_convolution by its filter and bias: dfilter[tap][i][o] = Σ_p x[p + tap][i] · dy[p][o], and
// dbias[o] = Σ_p dy[p][o]. Its cost is reading dy, once; the nine taps' sums of a strip live in registers.
#include "../../scratch.h"
#include "../../threads.h"
#include "../kernels.h"
#include "bands.h"
#include "image.h"
#include "stream.h"

typedef struct {
  BlockedShape s;
  int depth;
  const float *image, *dy;
  float *bands; // [band][3][3][depth][channels], then [channels] of the bias
  int64_t size; // of a band
} Call;

// One input channel and one vector of output channels. `dfilter` and `dbias` are that vector's places in the band.
INLINE void strip(int depth, const float (*x)[(STRIP + 2) * MAX_DEPTH], int64_t pixels, const float *dy, float *dfilter, int64_t tap, float *dbias) {
  vf sums[9], bias = v_set(0);
  UNROLL(9) for (int k = 0; k < 9; k++) sums[k] = v_set(0);
  for (int64_t p = 0; p < pixels; p++) {
    const vf d = v_load(dy + p * BLOCK);
    bias += d;
    UNROLL(9) for (int k = 0; k < 9; k++) sums[k] = v_fma(d, v_set(x[k / 3][(p + k % 3) * depth]), sums[k]);
  }
  UNROLL(9) for (int k = 0; k < 9; k++) v_store(dfilter + k * tap, v_load(dfilter + k * tap) + sums[k]);
  if (dbias) v_store(dbias, v_load(dbias) + bias);
}

static void band_of_rows(const Call *c, int64_t band, int64_t block) {
  const BlockedShape s = c->s;
  const int64_t last = smaller((band + 1) * band_rows(s), (int64_t)s.batch * s.height), tap = (int64_t)c->depth * s.channels;
  float *dfilter = c->bands + band * c->size + block * BLOCK, *dbias = dfilter + 9 * tap;
  for (int64_t k = 0; k < 9 * c->depth + 1; k++) memset(dfilter + k * s.channels, 0, BLOCK * sizeof(float));
  ImageWindow window;
  for (int64_t row = band * band_rows(s); row < last; row++) {
    const int64_t image = row / s.height, y = row % s.height;
    for (int64_t x = 0; x < s.width; x += STRIP) {
      const int64_t some = smaller(STRIP, s.width - x);
      window_of(c->image + image * s.height * s.width * c->depth, s, c->depth, y, x, some, window);
      const float *dy = c->dy + blocked_offset(s, image, block, y, x);
      for (int64_t i = 0; i < c->depth; i++)
        for (int v = 0; v < BLOCK; v += VL) {
          const float(*from)[(STRIP + 2) * MAX_DEPTH] = (const float(*)[(STRIP + 2) * MAX_DEPTH])(window[0] + i);
          float *to = dfilter + i * s.channels + v, *bias = i == 0 ? dbias + v : NULL;
          if (c->depth == 1) strip(1, from, some, dy + v, to, tap, bias);
          else strip(c->depth, from, some, dy + v, to, tap, bias);
        }
    }
  }
}

static void bands_chunk(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  const Call *c = context;
  const int64_t blocks = blocked_blocks(c->s);
  for (int64_t unit = begin; unit < end; unit++) band_of_rows(c, unit / blocks, unit % blocks);
}

int KERNEL(image_filter_gradient)(BlockedShape shape, int depth, const float *image, const float *dy, float *dfilter, float *dbias) {
  const int64_t bands = band_count(shape), filter = 9 * (int64_t)depth * shape.channels;
  Call c = {.s = shape, .depth = depth, .image = image, .dy = dy, .size = filter + shape.channels};
  if (!(c.bands = scratch_floats(bands * c.size))) return 1;
  parallel_for(bands * blocked_blocks(shape), 1, bands_chunk, &c);
  add_bands(c.bands, bands, c.size, 0, filter, dfilter);
  if (dbias) add_bands(c.bands, bands, c.size, filter, shape.channels, dbias);
  scratch_free(c.bands);
  return 0;
}
