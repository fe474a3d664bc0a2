// 2x2 max-pooling with stride 2 of blocked tensors of even height and width, and its gradient joined with the gradient of
// the input's other use. NaNs are never a maximum, and the first of equal maxima in row-major order gets the gradient.
#include <math.h>
#include "../../threads.h"
#include "../kernels.h"
#include "../panels.h"
#include "stream.h"

enum { FLOATS_PER_TASK = 32 << 10 };

typedef struct {
  BlockedShape s, pooled;
  int masked, stream;
  const float *x, *dpooled, *dskip;
  float *out;
} Call;

static BlockedShape half(BlockedShape s) { return (BlockedShape){s.batch, s.height / 2, s.width / 2, s.channels}; }

// A unit of work is a row of the pooled tensor and the two rows that it covers.
static void run(void (*body)(void *, int64_t, int64_t, int), Call *c) {
  const int64_t units = (int64_t)c->s.batch * blocked_blocks(c->s) * c->pooled.height;
  parallel_for(units, larger(1, FLOATS_PER_TASK / (2 * (int64_t)c->s.width * BLOCK)), body, c);
}

typedef struct {
  int64_t image, block, row;
} Place;

static Place place_of(const Call *c, int64_t unit) {
  const int64_t height = c->pooled.height, blocks = blocked_blocks(c->s);
  return (Place){unit / height / blocks, unit / height % blocks, unit % height};
}

// Pixel k of a 2x2 window, in row-major order.
#define PIXEL(k) ((k) / 2 * stride + (k) % 2 * BLOCK)

static void forward(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  const Call *c = context;
  const int64_t stride = blocked_row_stride(c->s);
  for (int64_t unit = begin; unit < end; unit++) {
    const Place at = place_of(c, unit);
    if (at.row == 0) blocked_clear_edges(c->out, c->pooled, at.image, at.block);
    const float *x = c->x + blocked_offset(c->s, at.image, at.block, 2 * at.row, 0);
    float *y = c->out + blocked_offset(c->pooled, at.image, at.block, at.row, 0);
    for (int64_t i = 0; i < c->pooled.width; i++, x += 2 * BLOCK, y += BLOCK)
      UNROLL(4) for (int v = 0; v < BLOCK; v += VL) {
        vf best = v_set(-INFINITY);
        UNROLL(4) for (int k = 0; k < 4; k++) best = v_max(v_load(x + PIXEL(k) + v), best);
        v_put(y + v, best, c->stream);
      }
  }
  stream_end();
}

void KERNEL(blocked_max_pool)(BlockedShape shape, const float *x, float *y) {
  const BlockedShape pooled = half(shape);
  run(forward, &(Call){.s = shape, .pooled = pooled, .stream = is_streamed(y, pooled), .x = x, .out = y});
}

INLINE void window(const float *x, const float *dpooled, const float *dskip, float *dx, int64_t stride, int masked, int stream) {
  vf values[4], best = v_set(-INFINITY);
  vi winner = v_seti(-1);
  UNROLL(4) for (int k = 0; k < 4; k++) {
    values[k] = v_load(x + PIXEL(k));
    const vi above = values[k] > best;
    best = v_select(above, values[k], best);
    winner = (above & v_seti(k)) | (~above & winner);
  }
  const vf gradient = v_load(dpooled);
  UNROLL(4) for (int k = 0; k < 4; k++) {
    vf d = v_select(winner == v_seti(k), gradient, v_set(0));
    if (dskip) d += v_load(dskip + PIXEL(k));
    v_put(dx + PIXEL(k), masked ? v_select(values[k] > 0.f, d, v_set(0)) : d, stream);
  }
}

static void gradient(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  const Call *c = context;
  const int64_t stride = blocked_row_stride(c->s);
  for (int64_t unit = begin; unit < end; unit++) {
    const Place at = place_of(c, unit);
    if (at.row == 0) blocked_clear_edges(c->out, c->s, at.image, at.block);
    const int64_t offset = blocked_offset(c->s, at.image, at.block, 2 * at.row, 0);
    const float *dpooled = c->dpooled + blocked_offset(c->pooled, at.image, at.block, at.row, 0);
    for (int64_t i = 0; i < c->pooled.width; i++)
      UNROLL(4) for (int v = 0; v < BLOCK; v += VL) {
        const int64_t p = offset + 2 * i * BLOCK + v;
        window(c->x + p, dpooled + i * BLOCK + v, c->dskip ? c->dskip + p : NULL, c->out + p, stride, c->masked, c->stream);
      }
  }
  stream_end();
}

void KERNEL(blocked_max_pool_gradient)(BlockedShape shape, const float *x, const float *dpooled, const float *dskip, int masked, float *dx) {
  // Written in place, dx is in the caches already.
  const int stream = dx != dskip && is_streamed(dx, shape);
  run(gradient, &(Call){.s = shape, .pooled = half(shape), .masked = masked, .stream = stream,
                        .x = x, .dpooled = dpooled, .dskip = dskip, .out = dx});
}
