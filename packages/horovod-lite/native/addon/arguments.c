#include "arguments.h"
#include <stdint.h>

Arguments read_arguments(napi_env env, napi_callback_info info, size_t count) {
  Arguments arguments = {.env = env};
  size_t given = MAX_ARGUMENTS;
  if (napi_get_cb_info(env, info, &given, arguments.values, NULL, NULL) != napi_ok || given != count)
    fail(&arguments, "horovod-lite addon: wrong number of arguments");
  return arguments;
}

void fail(Arguments *arguments, const char *message) {
  if (!arguments->failed) napi_throw_error(arguments->env, NULL, message);
  arguments->failed = true;
}

double argument_number(Arguments *arguments, int index) {
  double value = 0;
  if (!arguments->failed && napi_get_value_double(arguments->env, arguments->values[index], &value) != napi_ok)
    fail(arguments, "horovod-lite addon: expected a number");
  return value;
}

int argument_choice(Arguments *arguments, int index, int limit) {
  const double value = argument_number(arguments, index);
  if (!(value >= 0 && value < limit)) fail(arguments, "horovod-lite addon: a number is out of its range");
  return arguments->failed ? 0 : (int)value;
}

void *argument_address(Arguments *arguments, int index) { return (void *)(uintptr_t)argument_number(arguments, index); }

const char *argument_text(Arguments *arguments, int index, char *room, size_t size) {
  if (arguments->failed) return NULL;
  return napi_get_value_string_utf8(arguments->env, arguments->values[index], room, size, NULL) == napi_ok ? room : NULL;
}

const double *argument_numbers(Arguments *arguments, int index, int count) {
  napi_typedarray_type type;
  size_t length;
  void *data = NULL;
  if (arguments->failed) return NULL;
  if (napi_get_typedarray_info(arguments->env, arguments->values[index], &type, &length, &data, NULL, NULL) != napi_ok ||
      type != napi_float64_array || length != (size_t)count)
    fail(arguments, "horovod-lite addon: expected a Float64Array with one number for each rank");
  return data;
}

napi_value make_number(napi_env env, double value) {
  napi_value result;
  napi_create_double(env, value, &result);
  return result;
}

napi_value make_boolean(napi_env env, bool value) {
  napi_value result;
  napi_get_boolean(env, value, &result);
  return result;
}

napi_value make_string(napi_env env, const char *value) {
  napi_value result;
  napi_create_string_utf8(env, value, NAPI_AUTO_LENGTH, &result);
  return result;
}
