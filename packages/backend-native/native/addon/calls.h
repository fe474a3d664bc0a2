// Every function that the addon exports, once.
#pragma once
#include <node_api.h>
#include "../kernels/kernels.h"

// The kernels in use; set by the addon, read by the calls.
extern const Kernels *kernels;

#define CALLS(X)                                                                                                       \
  X(unary) X(binary) X(compare) X(select) X(fill) X(cast) X(addN) X(reduce) X(copy) X(matMul) X(rmsprop)               \
  X(conv2d) X(conv2dBackpropInput) X(conv2dBackpropFilter) X(maxPool) X(maxPoolGrad) X(resizeNearest)                  \
  X(resizeNearestGrad) X(multiplyAdds) X(streamCopy)                                                                   \
  X(operations) X(createProgram) X(disposeProgram) X(createEngine) X(disposeEngine) X(run) X(submit) X(wait)

#define DECLARE_CALL(name) napi_value call_##name(napi_env env, napi_callback_info info);
CALLS(DECLARE_CALL)
#undef DECLARE_CALL
