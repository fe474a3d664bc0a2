// What the addon exports. It keeps nothing of one JavaScript thread, so several may load it.
#include "arguments.h"
#include "calls.h"
#include <stdint.h>

// addressOf(array: any view of an ArrayBuffer or SharedArrayBuffer): number
napi_value call_addressOf(napi_env env, napi_callback_info info) {
  Arguments a = read_arguments(env, info, 1);
  void *data = NULL;
  if (!a.failed && napi_get_typedarray_info(env, a.values[0], NULL, NULL, &data, NULL, NULL) != napi_ok)
    fail(&a, "addressOf: expected a typed array");
  return a.failed ? NULL : make_number(env, (double)(uintptr_t)data);
}

typedef void Reduce(void *, const void *, const void *, size_t, WireType, Reduction);

static napi_value call_with(Reduce *work, napi_env env, napi_callback_info info) {
  Arguments a = read_arguments(env, info, 6);
  void *target = argument_address(&a, 0), *x = argument_address(&a, 1), *y = argument_address(&a, 2);
  const size_t bytes = (size_t)argument_number(&a, 3);
  const WireType type = argument_type(&a, 4);
  const Reduction op = argument_op(&a, 5);
  if (!a.failed) work(target, x, y, bytes, type, op);
  return NULL;
}

// reduce(target, x, y: addresses, bytes, type, op)
napi_value call_reduce(napi_env env, napi_callback_info info) { return call_with(reduce, env, info); }

// reducePortable: the same
napi_value call_reducePortable(napi_env env, napi_callback_info info) { return call_with(reduce_portable, env, info); }

NAPI_MODULE_INIT() {
  const struct {
    const char *name;
    napi_callback call;
  } functions[] = {
#define LIST(name) {#name, call_##name},
      CALLS(LIST)};
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    napi_value function;
    napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].call, NULL, &function);
    napi_set_named_property(env, exports, functions[i].name, function);
  }
  return exports;
}
