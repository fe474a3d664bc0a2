// Every kernel, once: KERNELS() lists them; from it come the table of function pointers and the prototypes of each
// instruction set's versions. Tensors are dense, row-major (NHWC, HWIO) float32 unless said otherwise. A kernel never
// writes its inputs, and outputs do not overlap inputs. Those that return int return 0, or 1 when memory ran out.
#pragma once
#include <stdint.h>
#include "blocked/convolution.h"
#include "blocked/filter_gradient.h"
#include "chain.h"
#include "operations.h"

typedef struct {
  int batch, inHeight, inWidth, inChannels, outHeight, outWidth, outChannels;
  int filterHeight, filterWidth, strideHeight, strideWidth, dilationHeight, dilationWidth, padTop, padLeft;
} Conv2DShape;

typedef struct {
  int batch, inHeight, inWidth, outHeight, outWidth, channels;
  int filterHeight, filterWidth, strideHeight, strideWidth, dilationHeight, dilationWidth, padTop, padLeft;
} PoolShape;

typedef struct {
  int batch, inHeight, inWidth, outHeight, outWidth, channels;
  int alignCorners, halfPixelCenters; // TensorFlow's; booleans
} ResizeShape;

#define MAX_RANK 8
// Element i of the output, in row-major order over `sizes`, is at offset Σ index·stride of each tensor. Strides count elements.
typedef struct {
  int rank;
  int64_t sizes[MAX_RANK], a[MAX_RANK], b[MAX_RANK];
} Broadcast;

#define KERNELS(X)                                                                                                       \
  /* y = op(x). alpha: leakyRelu's slope. */                                                                             \
  X(void, unary, (UnaryOp op, const float *x, float *y, int64_t count, float alpha))                                     \
  /* y = op(a, b) over shapes that broadcast. */                                                                         \
  X(void, binary, (BinaryOp op, const Broadcast *shape, const float *a, const float *b, float *y))                       \
  /* y = op(a, b) ? 1 : 0. */                                                                                            \
  X(void, compare, (CompareOp op, const Broadcast *shape, const float *a, const float *b, uint8_t *y))                   \
  /* y = condition ? a : b; every stride of condition, a and b is 1, or 0 where it is a single value. */                  \
  X(void, select, (const uint8_t *condition, const float *a, const float *b, float *y, int64_t count, int conditionStride, int aStride, int bStride)) \
  X(void, fill, (float value, float *y, int64_t count))                                                                  \
  X(void, cast_uint8, (const uint8_t *x, float *y, int64_t count))                                                       \
  X(void, cast_int32, (const int32_t *x, float *y, int64_t count))                                                       \
  /* A chain of the operations above, with sums at its end. */                                                           \
  X(int, elementwise, (const Chain *chain))                                                                              \
  /* y = the sum of `inputs` tensors, added from the first to the last. */                                               \
  X(void, add_n, (const float *const *x, int inputs, float *y, int64_t count))                                           \
  /* y[outer][inner] = op over x[outer][reduced][inner]. Sums in bands of fixed size, so that they are accurate and the   \
     same for any number of threads. */                                                                                  \
  X(int, reduce, (ReduceOp op, const float *x, float *y, int64_t outer, int64_t reduced, int64_t inner))                 \
  /* y at b's strides = x at a's strides. Transpose, slice, concatenation, padding and tiling are such copies. */        \
  X(void, copy, (const Broadcast *shape, const float *x, float *y))                                                      \
  /* y[batch][m][n] = op(a)·op(b); stride 0 repeats one matrix for the whole batch. */                                   \
  X(int, mat_mul, (const MatMulShape *shape, const float *a, const float *b, float *y))                                  \
  /* One step for `count` variables. Outputs may lie where the inputs lie. */                                            \
  X(void, rmsprop, (const RMSPropOptions *options, const RMSPropTensor *tensors, int count))                             \
  /* Multiply-adds in registers, `steps` rounds of them on each thread; returns the operations of all. */                \
  X(double, multiply_adds, (int64_t steps))                                                                              \
  /* y = x past the caches. */                                                                                           \
  X(void, stream_copy, (const float *x, float *y, int64_t count))                                                        \
  /* y = activation(conv(x, filter) + bias). bias may be NULL. */                                                        \
  X(int, conv2d, (const Conv2DShape *shape, const float *x, const float *filter, const float *bias, Activation activation, float alpha, float *y)) \
  X(int, conv2d_backprop_input, (const Conv2DShape *shape, const float *dy, const float *filter, float *dx))             \
  X(int, conv2d_backprop_filter, (const Conv2DShape *shape, const float *x, const float *dy, float *dfilter))            \
  X(int, max_pool, (const PoolShape *shape, const float *x, float *y))                                                   \
  /* The first of equal maxima gets the gradient, in row-major order of the window. */                                   \
  X(int, max_pool_grad, (const PoolShape *shape, const float *x, const float *y, const float *dy, float *dx))            \
  X(int, resize_nearest, (const ResizeShape *shape, const float *x, float *y))                                           \
  X(int, resize_nearest_grad, (const ResizeShape *shape, const float *dy, float *dx))                                                \
  /* 3x3, stride 1, SAME, of dense x [batch][height][width][depth], depth 1 to 4, to blocked y of `shape`. bias may be NULL. \
     activation: linear, relu, relu6 or leakyrelu. */                                                                    \
  X(void, image_convolution, (BlockedShape shape, int depth, const float *x, const float *filter, const float *bias, Activation activation, float alpha, float *y)) \
  /* Its gradient, of blocked dy. dbias may be NULL. */                                                                  \
  X(int, image_filter_gradient, (BlockedShape shape, int depth, const float *x, const float *dy, float *dfilter, float *dbias)) \
  /* 1x1 of blocked x of `shape` to dense y [batch][height][width][outputs], 1 to 16 outputs. bias may be NULL. */       \
  X(int, head, (BlockedShape shape, int outputs, const float *x, const float *filter, const float *bias, float *y))     \
  /* Its gradients, of dense dy. Each may be NULL. dx is blocked, and 0 where `masked` and x is not positive; it may    \
     be x. */                                                                                                            \
  X(int, head_gradient, (BlockedShape shape, int outputs, const float *x, const float *dy, const float *filter, int masked, float *dx, float *dfilter, float *dbias)) \
  /* 2x2 with stride 2, of blocked x of `shape`, height and width even. */                                               \
  X(void, blocked_max_pool, (BlockedShape shape, const float *x, float *y))                                              \
  /* Its gradient plus dskip, which may be NULL, or dx itself; then 0 where `masked` and x is not positive. */           \
  X(void, blocked_max_pool_gradient, (BlockedShape shape, const float *x, const float *dpooled, const float *dskip, int masked, float *dx)) \
  /* Between dense and blocked (blocked/layout.h), of one shape. */                                                       \
  X(void, to_blocked, (BlockedShape shape, const float *x, float *y))                                                     \
  X(void, to_dense, (BlockedShape shape, const float *x, float *y))                                                       \
  /* 3x3 on blocked tensors, by Winograd's F(4x4, 3x3) or directly. */                                                    \
  X(int, blocked_convolution, (const BlockedConvolution *convolution))                                                    \
  X(int, blocked_convolution_exact, (const BlockedConvolution *convolution))                                             \
  /* The gradient by the filter and by the bias, of 3x3 or of doubling + 2x2. */                                          \
  X(int, blocked_filter_gradient, (const BlockedFilterGradient *gradient))                                                \
  /* Nearest doubling of x of `shape`, then 2x2 to `outputs` channels, all blocked. bias may be NULL. activation: linear, relu,  \
     relu6 or leakyrelu. */                                                                                               \
  X(int, upsampled_convolution, (BlockedShape shape, int outputs, const float *x, const float *filter, const float *bias, Activation activation, float alpha, float *y)) \
  /* Its gradient by x; 0 where mask, which may be NULL, is not positive. */                                             \
  X(int, upsampled_input_gradient, (BlockedShape shape, int outputs, const float *dy, const float *filter, const float *mask, float *dx))

typedef struct Kernels {
  const char *isa;
  int lanes; // floats in a vector
#define DECLARE_POINTER(type, name, arguments) type(*name) arguments;
  KERNELS(DECLARE_POINTER)
#undef DECLARE_POINTER
} Kernels;

#ifdef ISA
#include "isa.h"
#define DECLARE_KERNEL(type, name, arguments) type KERNEL(name) arguments;
KERNELS(DECLARE_KERNEL)
#undef DECLARE_KERNEL
#endif
