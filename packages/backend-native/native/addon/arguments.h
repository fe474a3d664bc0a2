// Reads JavaScript's arguments and checks them, so that no kernel ever sees a length that its buffers do not have.
// The first error is thrown in JavaScript and remembered; later reads do nothing, so a call checks `failed` once.
#pragma once
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_ARGUMENTS 10

typedef struct {
  napi_env env;
  const char *function; // for messages
  napi_value values[MAX_ARGUMENTS];
  bool failed;
} Arguments;

Arguments read_arguments(napi_env env, napi_callback_info info, const char *function, size_t count);

// Throws `function: message`.
void fail(Arguments *arguments, const char *format, ...) __attribute__((format(printf, 2, 3)));

double argument_number(Arguments *arguments, int index);
// An integer in [0, limit).
int argument_choice(Arguments *arguments, int index, int limit);

// A typed array's elements. `count`: how many it must have, or ANY_COUNT; then found by argument_count().
#define ANY_COUNT (-1)
float *argument_floats(Arguments *arguments, int index, int64_t count);
float *argument_floats_or_null(Arguments *arguments, int index, int64_t count);
int32_t *argument_ints(Arguments *arguments, int index, int64_t count);
uint8_t *argument_bytes(Arguments *arguments, int index, int64_t count);
double *argument_doubles(Arguments *arguments, int index, int64_t count);
double *argument_doubles_or_null(Arguments *arguments, int index, int64_t count);
int64_t argument_count(Arguments *arguments, int index);

// The elements of any typed array, number `index` of a list, that has `bytes` bytes and begins at a multiple of 4.
void *array_memory(Arguments *arguments, napi_value list, uint32_t index, int64_t bytes);

// The product of `n` sizes, none of them negative; fails beyond 2^53.
int64_t product(Arguments *arguments, const int32_t *sizes, int n);
