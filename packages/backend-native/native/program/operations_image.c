// The kernels on images in NHWC, as operations; named as in kernels.h. Params begin with the fields of a shape of kernels.h.
#include <string.h>
#include "define.h"

// Positions in the input are computed in 32 bits.
static bool reachable(int out, int stride, int filter, int dilation, int pad) {
  return (int64_t)out * stride + (int64_t)filter * dilation + pad <= INT32_MAX / 2;
}
#define WINDOWS_REACHABLE(s)                                                                    \
  (reachable(s.outHeight, s.strideHeight, s.filterHeight, s.dilationHeight, s.padTop) &&        \
   reachable(s.outWidth, s.strideWidth, s.filterWidth, s.dilationWidth, s.padLeft))

#define SHAPE(type)                                     \
  type s;                                               \
  memcpy(&s, in->params, sizeof s)
#define FIELDS(type) ((int)(sizeof(type) / sizeof(int)))
#define COUNT(...) product((const int32_t[]){__VA_ARGS__}, 4)
#define LARGE_COUNT(s) COUNT(s.batch, s.inHeight, s.inWidth, s.channels)
#define SMALL_COUNT(s) COUNT(s.batch, s.outHeight, s.outWidth, s.channels)

static const char *check_convolution(const Instruction *in, int x, int filter, int y) {
  SHAPE(Conv2DShape);
  for (int i = 7; i < 13; i++) REQUIRE(in->params[i] > 0, "a filter's size, a stride or a dilation is not positive");
  REQUIRE(s.padTop >= 0 && s.padLeft >= 0, "a padding is negative");
  REQUIRE(WINDOWS_REACHABLE(s), "a window reaches too far");
  REQUIRE(floats(in, x, COUNT(s.batch, s.inHeight, s.inWidth, s.inChannels)), "x has another size than the shape");
  REQUIRE(floats(in, filter, COUNT(s.filterHeight, s.filterWidth, s.inChannels, s.outChannels)),
          "the filter has another size than the shape");
  REQUIRE(floats(in, y, COUNT(s.batch, s.outHeight, s.outWidth, s.outChannels)), "y has another size than the shape");
  return NULL;
}

// Conv2DShape, activation · alpha · x, filter, bias?, y
CHECK(conv2d) {
  REQUIRE_ARGUMENTS(FIELDS(Conv2DShape) + 1, 1, 4);
  REQUIRE(in->params[15] >= 0 && in->params[15] < ACTIVATION_COUNT, "no such activation");
  REQUIRE(in->bytes[2] == 0 || floats(in, 2, in->params[6]), "bias has another size than y's channels");
  return check_convolution(in, 0, 1, 3);
}
RUN(conv2d) {
  SHAPE(Conv2DShape);
  return kernels->conv2d(&s, IN(float, 0), IN(float, 1), IN(float, 2), (Activation)in->params[15], in->numbers[0],
                         OUT(float, 3));
}

// Conv2DShape · – · dy, filter, dx
CHECK(conv2d_backprop_input) {
  REQUIRE_ARGUMENTS(FIELDS(Conv2DShape), 0, 3);
  return check_convolution(in, 2, 1, 0);
}
RUN(conv2d_backprop_input) {
  SHAPE(Conv2DShape);
  return kernels->conv2d_backprop_input(&s, IN(float, 0), IN(float, 1), OUT(float, 2));
}

// Conv2DShape · – · x, dy, dfilter
CHECK(conv2d_backprop_filter) {
  REQUIRE_ARGUMENTS(FIELDS(Conv2DShape), 0, 3);
  return check_convolution(in, 0, 2, 1);
}
RUN(conv2d_backprop_filter) {
  SHAPE(Conv2DShape);
  return kernels->conv2d_backprop_filter(&s, IN(float, 0), IN(float, 1), OUT(float, 2));
}

static const char *check_pool(const Instruction *in, int operands) {
  REQUIRE_ARGUMENTS(FIELDS(PoolShape), 0, operands);
  SHAPE(PoolShape);
  for (int i = 6; i < 12; i++) REQUIRE(in->params[i] > 0, "a filter's size, a stride or a dilation is not positive");
  REQUIRE(s.padTop >= 0 && s.padLeft >= 0, "a padding is negative");
  REQUIRE(WINDOWS_REACHABLE(s), "a window reaches too far");
  REQUIRE(floats(in, 0, LARGE_COUNT(s)), "x has another size than the shape");
  REQUIRE(floats(in, 1, SMALL_COUNT(s)), "y has another size than the shape");
  return NULL;
}

// PoolShape · – · x, y
CHECK(max_pool) { return check_pool(in, 2); }
RUN(max_pool) {
  SHAPE(PoolShape);
  return kernels->max_pool(&s, IN(float, 0), OUT(float, 1));
}

// PoolShape · – · x, y, dy, dx
CHECK(max_pool_grad) {
  const char *error = check_pool(in, 4);
  if (error) return error;
  SHAPE(PoolShape);
  REQUIRE(floats(in, 2, SMALL_COUNT(s)) && floats(in, 3, LARGE_COUNT(s)), "dy or dx has another size than the shape");
  return NULL;
}
RUN(max_pool_grad) {
  SHAPE(PoolShape);
  return kernels->max_pool_grad(&s, IN(float, 0), IN(float, 1), IN(float, 2), OUT(float, 3));
}

static const char *check_resize(const Instruction *in, int x, int y) {
  REQUIRE_ARGUMENTS(FIELDS(ResizeShape), 0, 2);
  SHAPE(ResizeShape);
  REQUIRE(floats(in, x, LARGE_COUNT(s)), "x has another size than the shape");
  REQUIRE(floats(in, y, SMALL_COUNT(s)), "y has another size than the shape");
  return NULL;
}

// ResizeShape · – · x, y
CHECK(resize_nearest) { return check_resize(in, 0, 1); }
RUN(resize_nearest) {
  SHAPE(ResizeShape);
  return kernels->resize_nearest(&s, IN(float, 0), OUT(float, 1));
}

// ResizeShape · – · dy, dx
CHECK(resize_nearest_grad) { return check_resize(in, 1, 0); }
RUN(resize_nearest_grad) {
  SHAPE(ResizeShape);
  return kernels->resize_nearest_grad(&s, IN(float, 0), OUT(float, 1));
}

const Operation operations_image[] = {
    OPERATION(conv2d),        OPERATION(conv2d_backprop_input), OPERATION(conv2d_backprop_filter), OPERATION(max_pool),
    OPERATION(max_pool_grad), OPERATION(resize_nearest),        OPERATION(resize_nearest_grad),    OPERATIONS_END};
