// Calls of the kernels on images: convolution, pooling, resizing.
#include "arguments.h"
#include "calls.h"

#define OUT_OF_MEMORY "out of memory"

// A shape comes as the struct's fields in their order. Offsets are only what a kernel can clip.
#define READ_SHAPE(type, shape, limit)                                                                            \
  type shape = {0};                                                                                               \
  {                                                                                                               \
    const int32_t *fields = argument_ints(&arguments, 0, sizeof(type) / sizeof(int));                             \
    for (size_t i = 0; fields && !arguments.failed && i < sizeof(type) / sizeof(int); i++) {                      \
      if (fields[i] < (i < limit ? 1 : 0)) fail(&arguments, "field %d of the shape is %d", (int)i, (int)fields[i]); \
      ((int *)&shape)[i] = fields[i];                                                                             \
    }                                                                                                             \
  }

// Positions in the input are computed in 32 bits.
static void check_window(Arguments *arguments, int out, int stride, int filter, int dilation, int pad) {
  const int64_t reach = (int64_t)out * stride + (int64_t)filter * dilation + pad;
  if (reach > INT32_MAX / 2) fail(arguments, "a window reaches position %lld", (long long)reach);
}
#define CHECK_WINDOWS(s)                                                                                      \
  check_window(&arguments, s.outHeight, s.strideHeight, s.filterHeight, s.dilationHeight, s.padTop);          \
  check_window(&arguments, s.outWidth, s.strideWidth, s.filterWidth, s.dilationWidth, s.padLeft);

static int64_t elements(Arguments *arguments, int a, int b, int c, int d) {
  return product(arguments, (const int32_t[]){a, b, c, d}, 4);
}
#define IN(s) elements(&arguments, s.batch, s.inHeight, s.inWidth, s.inChannels)
#define OUT(s) elements(&arguments, s.batch, s.outHeight, s.outWidth, s.outChannels)
#define FILTER(s) elements(&arguments, s.filterHeight, s.filterWidth, s.inChannels, s.outChannels)
#define SMALL(s) elements(&arguments, s.batch, s.inHeight, s.inWidth, s.channels)
#define LARGE(s) elements(&arguments, s.batch, s.outHeight, s.outWidth, s.channels)

// conv2d(shape, x, filter, bias | null, activation, alpha, y)
napi_value call_conv2d(napi_env env, napi_callback_info info) {
  Arguments arguments = read_arguments(env, info, "conv2d", 7);
  READ_SHAPE(Conv2DShape, shape, 13)
  CHECK_WINDOWS(shape)
  const float *x = argument_floats(&arguments, 1, IN(shape));
  const float *filter = argument_floats(&arguments, 2, FILTER(shape));
  const float *bias = argument_floats_or_null(&arguments, 3, shape.outChannels);
  const Activation activation = argument_choice(&arguments, 4, ACTIVATION_COUNT);
  const float alpha = (float)argument_number(&arguments, 5);
  float *y = argument_floats(&arguments, 6, OUT(shape));
  if (!arguments.failed && kernels->conv2d(&shape, x, filter, bias, activation, alpha, y)) fail(&arguments, OUT_OF_MEMORY);
  return NULL;
}

// conv2dBackpropInput(shape, dy, filter, dx)
napi_value call_conv2dBackpropInput(napi_env env, napi_callback_info info) {
  Arguments arguments = read_arguments(env, info, "conv2dBackpropInput", 4);
  READ_SHAPE(Conv2DShape, shape, 13)
  CHECK_WINDOWS(shape)
  const float *dy = argument_floats(&arguments, 1, OUT(shape));
  const float *filter = argument_floats(&arguments, 2, FILTER(shape));
  float *dx = argument_floats(&arguments, 3, IN(shape));
  if (!arguments.failed && kernels->conv2d_backprop_input(&shape, dy, filter, dx)) fail(&arguments, OUT_OF_MEMORY);
  return NULL;
}

// conv2dBackpropFilter(shape, x, dy, dfilter)
napi_value call_conv2dBackpropFilter(napi_env env, napi_callback_info info) {
  Arguments arguments = read_arguments(env, info, "conv2dBackpropFilter", 4);
  READ_SHAPE(Conv2DShape, shape, 13)
  CHECK_WINDOWS(shape)
  const float *x = argument_floats(&arguments, 1, IN(shape));
  const float *dy = argument_floats(&arguments, 2, OUT(shape));
  float *dfilter = argument_floats(&arguments, 3, FILTER(shape));
  if (!arguments.failed && kernels->conv2d_backprop_filter(&shape, x, dy, dfilter)) fail(&arguments, OUT_OF_MEMORY);
  return NULL;
}

// maxPool(shape, x, y)
napi_value call_maxPool(napi_env env, napi_callback_info info) {
  Arguments arguments = read_arguments(env, info, "maxPool", 3);
  READ_SHAPE(PoolShape, shape, 12)
  CHECK_WINDOWS(shape)
  const float *x = argument_floats(&arguments, 1, SMALL(shape));
  float *y = argument_floats(&arguments, 2, LARGE(shape));
  if (!arguments.failed && kernels->max_pool(&shape, x, y)) fail(&arguments, OUT_OF_MEMORY);
  return NULL;
}

// maxPoolGrad(shape, x, y, dy, dx)
napi_value call_maxPoolGrad(napi_env env, napi_callback_info info) {
  Arguments arguments = read_arguments(env, info, "maxPoolGrad", 5);
  READ_SHAPE(PoolShape, shape, 12)
  CHECK_WINDOWS(shape)
  const float *x = argument_floats(&arguments, 1, SMALL(shape));
  const float *y = argument_floats(&arguments, 2, LARGE(shape));
  const float *dy = argument_floats(&arguments, 3, LARGE(shape));
  float *dx = argument_floats(&arguments, 4, SMALL(shape));
  if (!arguments.failed && kernels->max_pool_grad(&shape, x, y, dy, dx)) fail(&arguments, OUT_OF_MEMORY);
  return NULL;
}

// resizeNearest(shape, x, y)
napi_value call_resizeNearest(napi_env env, napi_callback_info info) {
  Arguments arguments = read_arguments(env, info, "resizeNearest", 3);
  READ_SHAPE(ResizeShape, shape, 6)
  const float *x = argument_floats(&arguments, 1, SMALL(shape));
  float *y = argument_floats(&arguments, 2, LARGE(shape));
  if (!arguments.failed && kernels->resize_nearest(&shape, x, y)) fail(&arguments, OUT_OF_MEMORY);
  return NULL;
}

// resizeNearestGrad(shape, dy, dx)
napi_value call_resizeNearestGrad(napi_env env, napi_callback_info info) {
  Arguments arguments = read_arguments(env, info, "resizeNearestGrad", 3);
  READ_SHAPE(ResizeShape, shape, 6)
  const float *dy = argument_floats(&arguments, 1, LARGE(shape));
  float *dx = argument_floats(&arguments, 2, SMALL(shape));
  if (!arguments.failed && kernels->resize_nearest_grad(&shape, dy, dx)) fail(&arguments, OUT_OF_MEMORY);
  return NULL;
}
