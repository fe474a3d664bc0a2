// Reads JavaScript's arguments. The first that is wrong is thrown there and remembered; later reads do nothing, so a call
// checks `failed` once.
#pragma once
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include "../reduce.h"

#define MAX_ARGUMENTS 8
#define NO_MEMORY "there is no memory left"

typedef struct {
  napi_env env;
  napi_value values[MAX_ARGUMENTS];
  bool failed;
} Arguments;

Arguments read_arguments(napi_env env, napi_callback_info info, size_t count);
void fail(Arguments *arguments, const char *message);

double argument_number(Arguments *arguments, int index);
// A whole number in [0, limit).
int argument_choice(Arguments *arguments, int index, int limit);
static inline WireType argument_type(Arguments *a, int index) { return (WireType)argument_choice(a, index, BFLOAT16 + 1); }
static inline Reduction argument_op(Arguments *a, int index) { return (Reduction)argument_choice(a, index, PRODUCT + 1); }
// Memory by its address; its owner keeps it alive.
void *argument_address(Arguments *arguments, int index);
// The bytes of a string, cut to the room there is; NULL where it is none.
const char *argument_text(Arguments *arguments, int index, char *room, size_t size);
// A Float64Array of `count` numbers.
const double *argument_numbers(Arguments *arguments, int index, int count);

napi_value make_number(napi_env env, double value);
napi_value make_boolean(napi_env env, bool value);
napi_value make_string(napi_env env, const char *value);
