#include "arguments.h"
#include <stdarg.h>
#include <stdio.h>

Arguments read_arguments(napi_env env, napi_callback_info info, const char *function, size_t count) {
  Arguments arguments = {.env = env, .function = function};
  size_t given = MAX_ARGUMENTS;
  if (napi_get_cb_info(env, info, &given, arguments.values, NULL, NULL) != napi_ok || given != count)
    fail(&arguments, "got %d arguments, expected %d", (int)given, (int)count);
  return arguments;
}

void fail(Arguments *arguments, const char *format, ...) {
  if (arguments->failed) return;
  arguments->failed = true;
  char message[256];
  int length = snprintf(message, sizeof message, "backend native, %s: ", arguments->function);
  va_list list;
  va_start(list, format);
  vsnprintf(message + length, sizeof message - (size_t)length, format, list);
  va_end(list);
  napi_throw_error(arguments->env, NULL, message);
}

double argument_number(Arguments *arguments, int index) {
  double value = 0;
  if (!arguments->failed && napi_get_value_double(arguments->env, arguments->values[index], &value) != napi_ok)
    fail(arguments, "argument %d is not a number", index);
  return value;
}

int argument_choice(Arguments *arguments, int index, int limit) {
  const double value = argument_number(arguments, index);
  if (!(value >= 0 && value < limit)) fail(arguments, "argument %d is %g, expected 0 to %d", index, value, limit - 1);
  return arguments->failed ? 0 : (int)value;
}

static void *typed_array(Arguments *arguments, int index, napi_typedarray_type type, int64_t count) {
  if (arguments->failed) return NULL;
  napi_typedarray_type got;
  size_t length;
  void *data;
  if (napi_get_typedarray_info(arguments->env, arguments->values[index], &got, &length, &data, NULL, NULL) != napi_ok ||
      got != type)
    fail(arguments, "argument %d is not the right kind of typed array", index);
  else if (count != ANY_COUNT && (int64_t)length != count)
    fail(arguments, "argument %d has %lld elements, expected %lld", index, (long long)length, (long long)count);
  return data;
}

float *argument_floats(Arguments *arguments, int index, int64_t count) {
  return typed_array(arguments, index, napi_float32_array, count);
}

static bool is_null(Arguments *arguments, int index) {
  napi_valuetype type = napi_undefined;
  if (!arguments->failed) napi_typeof(arguments->env, arguments->values[index], &type);
  return type == napi_null || type == napi_undefined;
}

float *argument_floats_or_null(Arguments *arguments, int index, int64_t count) {
  return is_null(arguments, index) ? NULL : argument_floats(arguments, index, count);
}

double *argument_doubles(Arguments *arguments, int index, int64_t count) {
  return typed_array(arguments, index, napi_float64_array, count);
}

double *argument_doubles_or_null(Arguments *arguments, int index, int64_t count) {
  return is_null(arguments, index) ? NULL : argument_doubles(arguments, index, count);
}

int32_t *argument_ints(Arguments *arguments, int index, int64_t count) {
  return typed_array(arguments, index, napi_int32_array, count);
}

uint8_t *argument_bytes(Arguments *arguments, int index, int64_t count) {
  return typed_array(arguments, index, napi_uint8_array, count);
}

int64_t argument_count(Arguments *arguments, int index) {
  size_t length = 0;
  if (!arguments->failed &&
      napi_get_typedarray_info(arguments->env, arguments->values[index], NULL, &length, NULL, NULL, NULL) != napi_ok)
    fail(arguments, "argument %d is not a typed array", index);
  return (int64_t)length;
}

void *array_memory(Arguments *arguments, napi_value list, uint32_t index, int64_t bytes) {
  static const int sizes[] = {[napi_int8_array] = 1,    [napi_uint8_array] = 1,   [napi_uint8_clamped_array] = 1,
                              [napi_int16_array] = 2,   [napi_uint16_array] = 2,  [napi_int32_array] = 4,
                              [napi_uint32_array] = 4,  [napi_float32_array] = 4, [napi_float64_array] = 8,
                              [napi_bigint64_array] = 8, [napi_biguint64_array] = 8};
  napi_value array;
  napi_typedarray_type type;
  size_t length = 0;
  void *data = NULL;
  if (napi_get_element(arguments->env, list, index, &array) != napi_ok ||
      napi_get_typedarray_info(arguments->env, array, &type, &length, &data, NULL, NULL) != napi_ok ||
      (size_t)type >= sizeof sizes / sizeof *sizes)
    fail(arguments, "an input or output is not a typed array");
  else if ((int64_t)length * sizes[type] != bytes)
    fail(arguments, "an input or output has %lld bytes, expected %lld", (long long)length * sizes[type], (long long)bytes);
  else if ((uintptr_t)data % 4)
    fail(arguments, "an input or output does not begin at a multiple of 4 bytes");
  return data;
}

int64_t product(Arguments *arguments, const int32_t *sizes, int n) {
  int64_t result = 1;
  for (int i = 0; i < n && !arguments->failed; i++) {
    if (sizes[i] < 0) fail(arguments, "size %d is negative", sizes[i]);
    else if (sizes[i] > 0 && result > (INT64_C(1) << 53) / sizes[i]) fail(arguments, "too many elements");
    else result *= sizes[i];
  }
  return arguments->failed ? 0 : result;
}
