// 3x3 convolution of a dense image with few channels to a blocked tensor: direct. Its cost is writing the result.
#include "../../threads.h"
#include "../functions.h"
#include "../kernels.h"
#include "../panels.h"
#include "image.h"
#include "stream.h"

// A tile of pixels by one block of channels lives in registers.
enum { PIXELS = 8 / VECTORS, FLOATS_PER_TASK = 32 << 10 };

typedef struct {
  BlockedShape s;
  int depth, stream;
  const float *image, *filter, *bias;
  Activation activation;
  float alpha, *y;
} Call;

// Neighbouring pixels × one block. The 3·depth values of a row of a window are neighbours, in the window and in the filter.
INLINE void tile(const Call *c, int pixels, int depth, const float (*window)[(STRIP + 2) * MAX_DEPTH], int64_t at, int64_t channel, float *y) {
  vf sums[PIXELS][VECTORS];
  UNROLL(8) for (int m = 0; m < pixels; m++)
    UNROLL(4) for (int v = 0; v < VECTORS; v++) sums[m][v] = c->bias ? v_load(c->bias + channel + v * VL) : v_set(0);

  const float *weights = c->filter + channel;
  UNROLL(3) for (int row = 0; row < 3; row++) {
    const float *x = window[row] + at * depth;
    UNROLL(3) for (int k = 0; k < 3 * depth; k++, weights += c->s.channels)
      UNROLL(4) for (int v = 0; v < VECTORS; v++) {
        const vf w = v_load(weights + v * VL);
        UNROLL(8) for (int m = 0; m < pixels; m++) sums[m][v] = v_fma(v_set(x[m * depth + k]), w, sums[m][v]);
      }
  }
  UNROLL(8) for (int m = 0; m < pixels; m++)
    UNROLL(4) for (int v = 0; v < VECTORS; v++)
      v_put(y + m * BLOCK + v * VL, f_activate(sums[m][v], c->activation, c->alpha), c->stream);
}

INLINE void strip(const Call *c, int depth, const ImageWindow window, int64_t pixels, int64_t channel, float *y) {
  int64_t at = 0;
  for (; at + PIXELS <= pixels; at += PIXELS) tile(c, PIXELS, depth, window, at, channel, y + at * BLOCK);
  for (; at < pixels; at++) tile(c, 1, depth, window, at, channel, y + at * BLOCK);
}

static void rows(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  const Call *c = context;
  const BlockedShape s = c->s;
  ImageWindow window;
  for (int64_t unit = begin; unit < end; unit++) {
    const int64_t image = unit / s.height, row = unit % s.height;
    const float *pixels = c->image + image * s.height * s.width * c->depth;
    for (int64_t block = 0; block < blocked_blocks(s) && row == 0; block++) blocked_clear_edges(c->y, s, image, block);
    for (int64_t x = 0; x < s.width; x += STRIP) {
      const int64_t some = smaller(STRIP, s.width - x);
      window_of(pixels, s, c->depth, row, x, some, window);
      for (int64_t block = 0; block < blocked_blocks(s); block++) {
        float *y = c->y + blocked_offset(s, image, block, row, x);
        // Of a depth that the compiler knows it keeps values for the next tap: good with 32 registers, bad with 16.
        if (c->depth == 1 && VL == 16) strip(c, 1, window, some, block * BLOCK, y);
        else strip(c, c->depth, window, some, block * BLOCK, y);
      }
    }
  }
  stream_end();
}

void KERNEL(image_convolution)(BlockedShape shape, int depth, const float *image, const float *filter, const float *bias,
                               Activation activation, float alpha, float *y) {
  Call c = {shape, depth, is_streamed(y, shape), image, filter, bias, activation, alpha, y};
  parallel_for((int64_t)shape.batch * shape.height, larger(1, FLOATS_PER_TASK / ((int64_t)shape.width * shape.channels)), rows, &c);
}
