// Calls that measure the machine.
#include "arguments.h"
#include "calls.h"

// multiplyAdds(steps): additions and multiplications done, by all threads
napi_value call_multiplyAdds(napi_env env, napi_callback_info info) {
  Arguments arguments = read_arguments(env, info, "multiplyAdds", 1);
  const int steps = argument_choice(&arguments, 0, INT32_MAX);
  napi_value operations = NULL;
  if (!arguments.failed) napi_create_double(env, kernels->multiply_adds(steps), &operations);
  return operations;
}

// streamCopy(x, y)
napi_value call_streamCopy(napi_env env, napi_callback_info info) {
  Arguments arguments = read_arguments(env, info, "streamCopy", 2);
  const int64_t count = argument_count(&arguments, 0);
  const float *x = argument_floats(&arguments, 0, ANY_COUNT);
  float *y = argument_floats(&arguments, 1, count);
  if (!arguments.failed) kernels->stream_copy(x, y, count);
  return NULL;
}
