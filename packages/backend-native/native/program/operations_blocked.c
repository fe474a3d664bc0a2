// The kernels of blocked tensors that are no convolutions between such; named as in kernels.h. Params begin with the blocked
// tensor's batch, height, width, channels.
#include "define.h"

static BlockedShape shape_of(const Instruction *in) {
  return (BlockedShape){in->params[0], in->params[1], in->params[2], in->params[3]};
}
static BlockedShape half(BlockedShape s) { return (BlockedShape){s.batch, s.height / 2, s.width / 2, s.channels}; }

// Elements of a dense tensor of the same pixels.
static int64_t dense_count(const Instruction *in, int channels) {
  return product((const int32_t[]){in->params[0], in->params[1], in->params[2], channels}, 4);
}

#define REQUIRE_BETWEEN(value, low, high, what) \
  REQUIRE((value) >= (low) && (value) <= (high), what " is not from " #low " to " #high)

// ---- 3x3 SAME convolution of a dense image of few channels, 1 to 4

static const char *check_image(const Instruction *in, int x, int filter, int y) {
  const int depth = in->params[4];
  REQUIRE_BETWEEN(depth, 1, 4, "the image's depth");
  REQUIRE(floats(in, x, dense_count(in, depth)), "x has another size than the shape");
  REQUIRE(floats(in, filter, product((const int32_t[]){9, depth, in->params[3]}, 3)), "the filter has another size than the shape");
  REQUIRE(blocked(in, y, shape_of(in)), "y has another size than the shape, or its channels are no multiple of 16");
  return NULL;
}

// y's shape, x's channels, activation (not elu or sigmoid) · alpha · x (dense), filter, bias?, y
CHECK(image_convolution) {
  REQUIRE_ARGUMENTS(6, 1, 4);
  REQUIRE(is_epilogue(in->params[5]), "no activation for an epilogue");
  REQUIRE(absent(in, 2) || floats(in, 2, in->params[3]), "bias has another size than y's channels");
  return check_image(in, 0, 1, 3);
}
RUN(image_convolution) {
  kernels->image_convolution(shape_of(in), in->params[4], IN(float, 0), IN(float, 1), IN(float, 2), (Activation)in->params[5],
                             in->numbers[0], OUT(float, 3));
  return 0;
}

// dy's shape, x's channels · – · x (dense), dy, dfilter, dbias?
CHECK(image_filter_gradient) {
  REQUIRE_ARGUMENTS(5, 0, 4);
  REQUIRE(absent(in, 3) || floats(in, 3, in->params[3]), "dbias has another size than dy's channels");
  return check_image(in, 0, 2, 1);
}
RUN(image_filter_gradient) {
  return kernels->image_filter_gradient(shape_of(in), in->params[4], IN(float, 0), IN(float, 1), OUT(float, 2), OUT(float, 3));
}

// ---- 1x1 convolution to a dense tensor of few channels, 1 to 16

static const char *check_head_shape(const Instruction *in) {
  REQUIRE_BETWEEN(in->params[4], 1, 16, "the number of output channels");
  REQUIRE(blocked_bytes(shape_of(in)) < INT64_MAX, "not a blocked shape");
  return NULL;
}
static int64_t head_weights(const Instruction *in) { return (int64_t)in->params[3] * in->params[4]; }

// x's shape, y's channels · – · x, filter, bias?, y (dense)
CHECK(head) {
  REQUIRE_ARGUMENTS(5, 0, 4);
  const char *error = check_head_shape(in);
  if (error) return error;
  REQUIRE(blocked(in, 0, shape_of(in)), "x has another size than the shape");
  REQUIRE(floats(in, 1, head_weights(in)), "the filter has another size than the shape");
  REQUIRE(absent(in, 2) || floats(in, 2, in->params[4]), "bias has another size than y's channels");
  REQUIRE(floats(in, 3, dense_count(in, in->params[4])), "y has another size than the shape");
  return NULL;
}
RUN(head) { return kernels->head(shape_of(in), in->params[4], IN(float, 0), IN(float, 1), IN(float, 2), OUT(float, 3)); }

// x's shape, dy's channels, masked · – · x?, dy (dense), filter?, dx?, dfilter?, dbias?
// dx is 0 where `masked` and x is not positive, and may lie where x lies. x is needed for dfilter and the mask, the filter for dx.
CHECK(head_gradient) {
  REQUIRE_ARGUMENTS(6, 0, 6);
  const char *error = check_head_shape(in);
  if (error) return error;
  const bool dx = !absent(in, 3), dfilter = !absent(in, 4);
  REQUIRE(absent(in, 0) ? !dfilter && !(dx && in->params[5]) : blocked(in, 0, shape_of(in)), "x is left out, or has another size than the shape");
  REQUIRE(floats(in, 1, dense_count(in, in->params[4])), "dy has another size than the shape");
  REQUIRE(absent(in, 2) ? !dx : floats(in, 2, head_weights(in)), "the filter is left out, or has another size than the shape");
  REQUIRE(!dx || blocked(in, 3, shape_of(in)), "dx has another size than the shape");
  REQUIRE(!dfilter || floats(in, 4, head_weights(in)), "dfilter has another size than the shape");
  REQUIRE(absent(in, 5) || floats(in, 5, in->params[4]), "dbias has another size than dy's channels");
  return NULL;
}
RUN(head_gradient) {
  return kernels->head_gradient(shape_of(in), in->params[4], IN(float, 0), IN(float, 1), IN(float, 2), in->params[5] != 0,
                                OUT(float, 3), OUT(float, 4), OUT(float, 5));
}

// ---- 2x2 max-pooling with stride 2

static const char *check_pool(const Instruction *in, int large, int small) {
  REQUIRE(in->params[1] % 2 == 0 && in->params[2] % 2 == 0, "height or width is odd");
  REQUIRE(blocked(in, large, shape_of(in)), "x has another size than the shape");
  REQUIRE(blocked(in, small, half(shape_of(in))), "the pooled tensor has another size than half the shape");
  return NULL;
}

// x's shape, of even height and width · – · x, y
CHECK(blocked_max_pool) {
  REQUIRE_ARGUMENTS(4, 0, 2);
  return check_pool(in, 0, 1);
}
RUN(blocked_max_pool) {
  kernels->blocked_max_pool(shape_of(in), IN(float, 0), OUT(float, 1));
  return 0;
}

// x's shape, masked · – · x, dpooled, dskip?, dx: the pool's gradient, plus dskip, then 0 where `masked` and x is not positive.
// The first of equal maxima in row-major order gets the gradient. dx may lie where dskip lies.
CHECK(blocked_max_pool_gradient) {
  REQUIRE_ARGUMENTS(5, 0, 4);
  REQUIRE(absent(in, 2) || blocked(in, 2, shape_of(in)), "dskip has another size than the shape");
  REQUIRE(blocked(in, 3, shape_of(in)), "dx has another size than the shape");
  return check_pool(in, 0, 1);
}
RUN(blocked_max_pool_gradient) {
  kernels->blocked_max_pool_gradient(shape_of(in), IN(float, 0), IN(float, 1), IN(float, 2), in->params[4] != 0, OUT(float, 3));
  return 0;
}

const Operation operations_blocked[] = {
    OPERATION(image_convolution), OPERATION(image_filter_gradient), OPERATION(head), OPERATION(head_gradient),
    OPERATION(blocked_max_pool),  OPERATION(blocked_max_pool_gradient), OPERATIONS_END};
