// Calls of the kernels that do not care what a tensor's dimensions mean.
#include <stdlib.h>
#include "arguments.h"
#include "calls.h"

// unary(operation, x, alpha, y)
napi_value call_unary(napi_env env, napi_callback_info info) {
  Arguments arguments = read_arguments(env, info, "unary", 4);
  const UnaryOp operation = argument_choice(&arguments, 0, UNARY_COUNT);
  const int64_t count = argument_count(&arguments, 3);
  const float *x = argument_floats(&arguments, 1, count);
  const float alpha = (float)argument_number(&arguments, 2);
  float *y = argument_floats(&arguments, 3, count);
  if (!arguments.failed) kernels->unary(operation, x, y, count, alpha);
  return NULL;
}

// A shape comes as an Int32Array: sizes, strides of a, strides of b. `aCount` and `bCount` elements must cover it.
static Broadcast read_broadcast(Arguments *arguments, int index, int64_t aCount, int64_t bCount, int64_t *elements) {
  Broadcast shape = {0};
  const int64_t length = argument_count(arguments, index);
  const int32_t *numbers = argument_ints(arguments, index, ANY_COUNT);
  if (arguments->failed) return shape;
  if (length % 3 || length < 3 || length > 3 * MAX_RANK) {
    fail(arguments, "got %lld numbers for a shape, expected 3 for each of 1 to %d dimensions", (long long)length, MAX_RANK);
    return shape;
  }
  shape.rank = (int)length / 3;
  *elements = product(arguments, numbers, shape.rank);
  int64_t aLast = 0, bLast = 0;
  for (int i = 0; i < shape.rank; i++) {
    shape.sizes[i] = numbers[i];
    shape.a[i] = numbers[shape.rank + i];
    shape.b[i] = numbers[2 * shape.rank + i];
    if (shape.a[i] < 0 || shape.b[i] < 0) fail(arguments, "a stride is negative");
    aLast += (shape.sizes[i] - 1) * shape.a[i];
    bLast += (shape.sizes[i] - 1) * shape.b[i];
  }
  if (*elements > 0 && (aLast >= aCount || bLast >= bCount))
    fail(arguments, "the shape reaches element %lld and %lld of %lld and %lld", (long long)aLast, (long long)bLast,
         (long long)aCount, (long long)bCount);
  return shape;
}

// binary(operation, shape, a, b, y)
napi_value call_binary(napi_env env, napi_callback_info info) {
  Arguments arguments = read_arguments(env, info, "binary", 5);
  const BinaryOp operation = argument_choice(&arguments, 0, BINARY_COUNT);
  const float *a = argument_floats(&arguments, 2, ANY_COUNT), *b = argument_floats(&arguments, 3, ANY_COUNT);
  int64_t count = 0;
  const Broadcast shape =
      read_broadcast(&arguments, 1, argument_count(&arguments, 2), argument_count(&arguments, 3), &count);
  float *y = argument_floats(&arguments, 4, count);
  if (!arguments.failed) kernels->binary(operation, &shape, a, b, y);
  return NULL;
}

// compare(operation, shape, a, b, y)
napi_value call_compare(napi_env env, napi_callback_info info) {
  Arguments arguments = read_arguments(env, info, "compare", 5);
  const CompareOp operation = argument_choice(&arguments, 0, COMPARE_COUNT);
  const float *a = argument_floats(&arguments, 2, ANY_COUNT), *b = argument_floats(&arguments, 3, ANY_COUNT);
  int64_t count = 0;
  const Broadcast shape =
      read_broadcast(&arguments, 1, argument_count(&arguments, 2), argument_count(&arguments, 3), &count);
  uint8_t *y = argument_bytes(&arguments, 4, count);
  if (!arguments.failed) kernels->compare(operation, &shape, a, b, y);
  return NULL;
}

// select(condition, a, b, y): each of the inputs has y's length, or one element
napi_value call_select(napi_env env, napi_callback_info info) {
  Arguments arguments = read_arguments(env, info, "select", 4);
  int64_t lengths[4];
  for (int i = 0; i < 4; i++) lengths[i] = argument_count(&arguments, i);
  const int64_t count = lengths[3];
  for (int i = 0; i < 3; i++)
    if (lengths[i] != count && lengths[i] != 1)
      fail(&arguments, "argument %d has %lld elements, expected 1 or %lld", i, (long long)lengths[i], (long long)count);
  const uint8_t *condition = argument_bytes(&arguments, 0, ANY_COUNT);
  const float *a = argument_floats(&arguments, 1, ANY_COUNT), *b = argument_floats(&arguments, 2, ANY_COUNT);
  float *y = argument_floats(&arguments, 3, ANY_COUNT);
  if (!arguments.failed)
    kernels->select(condition, a, b, y, count, lengths[0] == count, lengths[1] == count, lengths[2] == count);
  return NULL;
}

// fill(value, y)
napi_value call_fill(napi_env env, napi_callback_info info) {
  Arguments arguments = read_arguments(env, info, "fill", 2);
  const float value = (float)argument_number(&arguments, 0);
  float *y = argument_floats(&arguments, 1, ANY_COUNT);
  if (!arguments.failed) kernels->fill(value, y, argument_count(&arguments, 1));
  return NULL;
}

// cast(x, y): x is a Uint8Array or an Int32Array
napi_value call_cast(napi_env env, napi_callback_info info) {
  Arguments arguments = read_arguments(env, info, "cast", 2);
  const int64_t count = argument_count(&arguments, 0);
  float *y = argument_floats(&arguments, 1, count);
  napi_typedarray_type type = napi_uint8_array;
  if (!arguments.failed) napi_get_typedarray_info(env, arguments.values[0], &type, NULL, NULL, NULL, NULL);
  if (type == napi_int32_array) {
    const int32_t *x = argument_ints(&arguments, 0, count);
    if (!arguments.failed) kernels->cast_int32(x, y, count);
  } else {
    const uint8_t *x = argument_bytes(&arguments, 0, count);
    if (!arguments.failed) kernels->cast_uint8(x, y, count);
  }
  return NULL;
}

// addN([x, …], y)
napi_value call_addN(napi_env env, napi_callback_info info) {
  Arguments arguments = read_arguments(env, info, "addN", 2);
  const int64_t count = argument_count(&arguments, 1);
  float *y = argument_floats(&arguments, 1, count);
  uint32_t inputs = 0;
  if (!arguments.failed && (napi_get_array_length(env, arguments.values[0], &inputs) != napi_ok || inputs == 0))
    fail(&arguments, "argument 0 is not an array of inputs");
  if (arguments.failed) return NULL;
  const float **x = malloc(inputs * sizeof *x);
  if (!x) fail(&arguments, "out of memory");
  const napi_value list = arguments.values[0];
  for (uint32_t i = 0; x && i < inputs && !arguments.failed; i++) {
    napi_get_element(env, list, i, &arguments.values[0]);
    x[i] = argument_floats(&arguments, 0, count);
  }
  if (!arguments.failed) kernels->add_n(x, (int)inputs, y, count);
  free(x);
  return NULL;
}

// reduce(operation, outer, reduced, inner, x, y)
napi_value call_reduce(napi_env env, napi_callback_info info) {
  Arguments arguments = read_arguments(env, info, "reduce", 6);
  const ReduceOp operation = argument_choice(&arguments, 0, REDUCE_COUNT);
  int32_t sizes[3];
  for (int i = 0; i < 3; i++) sizes[i] = argument_choice(&arguments, 1 + i, INT32_MAX);
  const float *x = argument_floats(&arguments, 4, product(&arguments, sizes, 3));
  float *y = argument_floats(&arguments, 5, product(&arguments, (const int32_t[]){sizes[0], sizes[2]}, 2));
  if (!arguments.failed && sizes[1] == 0) fail(&arguments, "nothing to reduce");
  if (!arguments.failed && kernels->reduce(operation, x, y, sizes[0], sizes[1], sizes[2]))
    fail(&arguments, "out of memory");
  return NULL;
}

// copy(shape, x, xOffset, y, yOffset): y[yOffset + Σ i·b] = x[xOffset + Σ i·a]
napi_value call_copy(napi_env env, napi_callback_info info) {
  Arguments arguments = read_arguments(env, info, "copy", 5);
  const float *x = argument_floats(&arguments, 1, ANY_COUNT);
  float *y = argument_floats(&arguments, 3, ANY_COUNT);
  const int64_t xCount = argument_count(&arguments, 1), yCount = argument_count(&arguments, 3);
  const int64_t xOffset = argument_choice(&arguments, 2, INT32_MAX), yOffset = argument_choice(&arguments, 4, INT32_MAX);
  int64_t count = 0;
  const Broadcast shape = read_broadcast(&arguments, 0, xCount - xOffset, yCount - yOffset, &count);
  if (!arguments.failed && count > 0) kernels->copy(&shape, x + xOffset, y + yOffset);
  return NULL;
}

// matMul(Int32Array [batch, m, k, n, transposeA, transposeB, repeatA, repeatB], a, b, y)
napi_value call_matMul(napi_env env, napi_callback_info info) {
  Arguments arguments = read_arguments(env, info, "matMul", 4);
  const int32_t *f = argument_ints(&arguments, 0, 8);
  if (arguments.failed) return NULL;
  const int32_t batch = f[0], m = f[1], k = f[2], n = f[3];
  const float *a = argument_floats(&arguments, 1, product(&arguments, (const int32_t[]){f[6] ? 1 : batch, m, k}, 3));
  const float *b = argument_floats(&arguments, 2, product(&arguments, (const int32_t[]){f[7] ? 1 : batch, k, n}, 3));
  float *y = argument_floats(&arguments, 3, product(&arguments, (const int32_t[]){batch, m, n}, 3));
  const MatMulShape shape = {
      .batch = batch, .m = m, .k = k, .n = n, .transposeA = f[4], .transposeB = f[5],
      .strideA = f[6] ? 0 : (int64_t)m * k, .strideB = f[7] ? 0 : (int64_t)k * n};
  if (!arguments.failed && kernels->mat_mul(&shape, a, b, y)) fail(&arguments, "out of memory");
  return NULL;
}

// rmsprop([variable, meanSquare, meanGradient, momentum, gradient], [the first four, updated], learningRate, decay,
// momentum, epsilon)
napi_value call_rmsprop(napi_env env, napi_callback_info info) {
  Arguments arguments = read_arguments(env, info, "rmsprop", 6);
  const RMSPropOptions options = {
      .learningRate = (float)argument_number(&arguments, 2), .decay = (float)argument_number(&arguments, 3),
      .momentum = (float)argument_number(&arguments, 4), .epsilon = (float)argument_number(&arguments, 5)};
  const napi_value lists[] = {arguments.values[0], arguments.values[1]};
  RMSPropTensor tensor = {.count = ANY_COUNT};
  for (int i = 0; i < 9 && !arguments.failed; i++) {
    if (napi_get_element(env, lists[i < 5 ? 0 : 1], (uint32_t)(i < 5 ? i : i - 5), &arguments.values[0]) != napi_ok)
      fail(&arguments, "the first two arguments are not arrays");
    if (i == 0) tensor.count = argument_count(&arguments, 0);
    float *values = argument_floats(&arguments, 0, tensor.count);
    if (i < 5) tensor.in[i] = values;
    else tensor.out[i - 5] = values;
  }
  if (!arguments.failed) kernels->rmsprop(&options, &tensor, 1);
  return NULL;
}
