// The addon: what it exports, which kernels are in use, and memory's addresses.
#include <string.h>
#include "../cpu.h"
#include "../threads.h"
#include "arguments.h"
#include "calls.h"

const Kernels *kernels;

static napi_value string(napi_env env, const char *text) {
  napi_value value;
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value);
  return value;
}

static napi_value strings(napi_env env, const char *const *texts, int count) {
  napi_value list;
  napi_create_array(env, &list);
  for (int i = 0; i < count; i++) napi_set_element(env, list, (uint32_t)i, string(env, texts[i]));
  return list;
}

static napi_value number(napi_env env, double x) {
  napi_value value;
  napi_create_double(env, x, &value);
  return value;
}

static void define(napi_env env, napi_value object, const char *name, napi_value value) {
  napi_set_named_property(env, object, name, value);
}

// info() → { isa, isas, threads, features }
static napi_value call_info(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value result;
  napi_create_object(env, &result);
  const char *names[8];
  int count = 0;
  for (const Kernels *const *k = cpu_kernels(); k[count]; count++) names[count] = k[count]->isa;
  define(env, result, "isa", string(env, kernels->isa));
  define(env, result, "isas", strings(env, names, count));
  define(env, result, "threads", number(env, thread_count()));
  define(env, result, "features", string(env, cpu_features()));
  return result;
}

// setIsa(index in info().isas)
static napi_value call_setIsa(napi_env env, napi_callback_info info) {
  Arguments arguments = read_arguments(env, info, "setIsa", 1);
  int count = 0;
  while (cpu_kernels()[count]) count++;
  const int index = argument_choice(&arguments, 0, count);
  if (!arguments.failed) kernels = cpu_kernels()[index];
  return NULL;
}

// setThreads(count)
static napi_value call_setThreads(napi_env env, napi_callback_info info) {
  Arguments arguments = read_arguments(env, info, "setThreads", 1);
  const int count = argument_choice(&arguments, 0, MAX_THREADS + 1);
  if (!arguments.failed) thread_count_set(count);
  return NULL;
}

static void *array_buffer(Arguments *arguments) {
  void *data = NULL;
  if (!arguments->failed && napi_get_arraybuffer_info(arguments->env, arguments->values[0], &data, NULL) != napi_ok)
    fail(arguments, "argument 0 is not an ArrayBuffer");
  return data;
}

// padding(buffer): bytes from the start of an ArrayBuffer to the next border of a cache line
static napi_value call_padding(napi_env env, napi_callback_info info) {
  Arguments arguments = read_arguments(env, info, "padding", 1);
  const uintptr_t address = (uintptr_t)array_buffer(&arguments);
  return number(env, (double)(-address & 63));
}

// release(buffer): gives an ArrayBuffer's memory back now; nothing can use it any more
static napi_value call_release(napi_env env, napi_callback_info info) {
  Arguments arguments = read_arguments(env, info, "release", 1);
  array_buffer(&arguments);
  if (!arguments.failed && napi_detach_arraybuffer(env, arguments.values[0]) != napi_ok)
    fail(&arguments, "this ArrayBuffer cannot be detached");
  return NULL;
}

#define NAME(name) #name,
static const char *const UNARY[] = {UNARY_OPS(NAME)}, *const BINARY[] = {BINARY_OPS(NAME)},
                  *const COMPARE[] = {COMPARE_OPS(NAME)}, *const INTEGER[] = {INTEGER_OPS(NAME)},
                  *const LOGICAL[] = {LOGICAL_OPS(NAME)}, *const REDUCE[] = {REDUCE_OPS(NAME)},
                  *const ACTIVATION[] = {ACTIVATIONS(NAME)};

static napi_value initialise(napi_env env, napi_value exports) {
  if (!kernels) {
    kernels = cpu_kernels()[0];
    thread_count_set(thread_count_default());
  }
  const struct {
    const char *name;
    napi_callback call;
  } functions[] = {
#define CALL(name) {#name, call_##name},
      CALLS(CALL) CALL(info) CALL(setIsa) CALL(setThreads) CALL(padding) CALL(release)};
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    napi_value function;
    napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].call, NULL, &function);
    define(env, exports, functions[i].name, function);
  }
  define(env, exports, "unaryOps", strings(env, UNARY, UNARY_COUNT));
  define(env, exports, "binaryOps", strings(env, BINARY, BINARY_COUNT));
  define(env, exports, "compareOps", strings(env, COMPARE, COMPARE_COUNT));
  define(env, exports, "integerOps", strings(env, INTEGER, INTEGER_COUNT));
  define(env, exports, "logicalOps", strings(env, LOGICAL, LOGICAL_COUNT));
  define(env, exports, "reduceOps", strings(env, REDUCE, REDUCE_COUNT));
  define(env, exports, "activations", strings(env, ACTIVATION, ACTIVATION_COUNT));
  return exports;
}

NAPI_MODULE_INIT() { return initialise(env, exports); }
