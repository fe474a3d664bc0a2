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

// Pixels that registers add up; blocks of channels at a time: nine taps of each must fit the registers.
enum { IN_REGISTERS = 128, TOGETHER = VL == 16 ? 2 : 1 };

// One input channel and `vectors` vectors of output channels, of neighbouring blocks. `dfilter` and `dbias` are the first
// vector's places in the band.
INLINE void strip(int vectors, const Call *c, const float *x, int64_t pixels, const float *dy, float *dfilter, float *dbias) {
  const int64_t depth = c->depth, next = blocked_block_stride(c->s), tap = depth * c->s.channels, row = (STRIP + 2) * MAX_DEPTH;
  for (int64_t begin = 0; begin < pixels; begin += IN_REGISTERS) {
    const int64_t end = smaller(begin + IN_REGISTERS, pixels);
    vf sums[9][TOGETHER], bias[TOGETHER];
    UNROLL(2) for (int v = 0; v < vectors; v++) {
      bias[v] = v_set(0);
      UNROLL(9) for (int k = 0; k < 9; k++) sums[k][v] = v_set(0);
    }
    for (int64_t p = begin; p < end; p++) {
      vf d[TOGETHER];
      UNROLL(2) for (int v = 0; v < vectors; v++) {
        prefetch(dy + v * next + (p + AHEAD) * BLOCK);
        d[v] = v_load(dy + v * next + p * BLOCK);
        bias[v] += d[v];
      }
      UNROLL(9) for (int k = 0; k < 9; k++) {
        const vf value = v_set(x[k / 3 * row + (p + k % 3) * depth]);
        UNROLL(2) for (int v = 0; v < vectors; v++) sums[k][v] = v_fma(d[v], value, sums[k][v]);
      }
    }
    UNROLL(2) for (int v = 0; v < vectors; v++) {
      UNROLL(9) for (int k = 0; k < 9; k++) {
        float *to = dfilter + k * tap + v * BLOCK;
        v_store(to, v_load(to) + sums[k][v]);
      }
      if (dbias) v_store(dbias + v * BLOCK, v_load(dbias + v * BLOCK) + bias[v]);
    }
  }
}

// The sums of a band's rows, of one block or of TOGETHER.
static void band_of_rows(const Call *c, int64_t band, int64_t block, int64_t blocks) {
  const BlockedShape s = c->s;
  const int64_t last = smaller((band + 1) * band_rows(s), (int64_t)s.batch * s.height);
  float *dfilter = c->bands + band * c->size + block * BLOCK, *dbias = dfilter + 9 * c->depth * s.channels;
  for (int64_t k = 0; k < 9 * c->depth + 1; k++) memset(dfilter + k * s.channels, 0, (size_t)(blocks * BLOCK) * sizeof(float));
  ImageWindow window;
  for (int64_t row = band * band_rows(s); row < last; row++) {
    const int64_t image = row / s.height, y = row % s.height;
    for (int64_t x = 0; x < s.width; x += STRIP) {
      const int64_t some = smaller(STRIP, s.width - x);
      window_of(c->image + image * s.height * s.width * c->depth, s, c->depth, y, x, some, window);
      const float *dy = c->dy + blocked_offset(s, image, block, y, x);
      for (int64_t i = 0; i < c->depth; i++)
        for (int v = 0; v < BLOCK; v += VL) {
          float *to = dfilter + i * s.channels + v, *bias = i == 0 ? dbias + v : NULL;
          if (blocks == TOGETHER) strip(TOGETHER, c, window[0] + i, some, dy + v, to, bias);
          else strip(1, c, window[0] + i, some, dy + v, to, bias);
        }
    }
  }
}

static void bands_chunk(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  const Call *c = context;
  const int64_t blocks = blocked_blocks(c->s), groups = (blocks + TOGETHER - 1) / TOGETHER;
  for (int64_t unit = begin; unit < end; unit++) {
    const int64_t block = unit % groups * TOGETHER;
    band_of_rows(c, unit / groups, block, smaller(TOGETHER, blocks - block));
  }
}

int KERNEL(image_filter_gradient)(BlockedShape shape, int depth, const float *image, const float *dy, float *dfilter, float *dbias) {
  const int64_t bands = band_count(shape), filter = 9 * (int64_t)depth * shape.channels;
  Call c = {.s = shape, .depth = depth, .image = image, .dy = dy, .size = filter + shape.channels};
  if (!(c.bands = scratch_floats(bands * c.size))) return 1;
  parallel_for(bands * ((blocked_blocks(shape) + TOGETHER - 1) / TOGETHER), 1, bands_chunk, &c);
  add_bands(c.bands, bands, c.size, 0, filter, dfilter);
  if (dbias) add_bands(c.bands, bands, c.size, filter, shape.channels, dbias);
  scratch_free(c.bands);
  return 0;
}
