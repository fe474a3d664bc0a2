// What JavaScript sees. Addresses and byte counts are numbers; whoever calls keeps the memory alive.
#include "collectives.h"
#include "mpi.h"
#include <node_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ARGUMENTS 8

typedef struct {
  napi_env env;
  napi_value values[MAX_ARGUMENTS];
  bool failed;
} Arguments;

static void throw(Arguments *arguments, const char *message) {
  if (!arguments->failed) napi_throw_error(arguments->env, NULL, message);
  arguments->failed = true;
}

static Arguments arguments_of(napi_env env, napi_callback_info info, size_t expected) {
  Arguments arguments = {.env = env};
  size_t count = MAX_ARGUMENTS;
  napi_get_cb_info(env, info, &count, arguments.values, NULL, NULL);
  if (count != expected) throw(&arguments, "horovod-lite addon: wrong number of arguments");
  return arguments;
}

static double number(Arguments *arguments, int index) {
  double value = 0;
  if (!arguments->failed && napi_get_value_double(arguments->env, arguments->values[index], &value) != napi_ok)
    throw(arguments, "horovod-lite addon: expected a number");
  return value;
}

static void *address(Arguments *arguments, int index) { return (void *)(uintptr_t)number(arguments, index); }

// A string, or NULL where it is none.
static const char *text(Arguments *arguments, int index, char *into, size_t size) {
  size_t length = 0;
  if (arguments->failed) return NULL;
  return napi_get_value_string_utf8(arguments->env, arguments->values[index], into, size, &length) == napi_ok ? into : NULL;
}

static const double *numbers(Arguments *arguments, int index, size_t expected) {
  napi_typedarray_type type;
  size_t length = 0;
  void *data = NULL;
  if (arguments->failed) return NULL;
  if (napi_get_typedarray_info(arguments->env, arguments->values[index], &type, &length, &data, NULL, NULL) != napi_ok ||
      type != napi_float64_array || length < expected)
    throw(arguments, "horovod-lite addon: expected a Float64Array with one number for each rank");
  return data;
}

static napi_value make_number(napi_env env, double value) {
  napi_value result;
  napi_create_double(env, value, &result);
  return result;
}

static napi_value make_string(napi_env env, const char *value) {
  napi_value result;
  napi_create_string_utf8(env, value, NAPI_AUTO_LENGTH, &result);
  return result;
}

static napi_value nothing(napi_env env) {
  napi_value result;
  napi_get_undefined(env, &result);
  return result;
}

// addressOf(array: ArrayBufferView): number
static napi_value address_of(napi_env env, napi_callback_info info) {
  Arguments arguments = arguments_of(env, info, 1);
  void *data = NULL;
  if (!arguments.failed && napi_get_typedarray_info(env, arguments.values[0], NULL, NULL, &data, NULL, NULL) != napi_ok)
    throw(&arguments, "addressOf: expected a typed array");
  return arguments.failed ? NULL : make_number(env, (double)(uintptr_t)data);
}

// reduce(target, a, b: addresses, bytes, type, op): for tests
static napi_value call_reduce(napi_env env, napi_callback_info info) {
  Arguments a = arguments_of(env, info, 6);
  void *target = address(&a, 0), *x = address(&a, 1), *y = address(&a, 2);
  const size_t bytes = (size_t)number(&a, 3);
  const WireType type = (WireType)number(&a, 4);
  const Reduction op = (Reduction)number(&a, 5);
  if (!a.failed) reduce(target, x, y, bytes, type, op);
  return NULL;
}

static void free_segment(napi_env env, void *data, void *hint) {
  (void)env, (void)hint;
  segment_close(data);
  free(data);
}

static Segment *segment_at(Arguments *arguments, int index) {
  void *segment = NULL;
  if (arguments->failed) return NULL;
  if (napi_get_value_external(arguments->env, arguments->values[index], &segment) != napi_ok)
    throw(arguments, "horovod-lite addon: expected a segment");
  else if (!((Segment *)segment)->header) throw(arguments, "the shared memory is closed");
  return arguments->failed ? NULL : segment;
}

// shmOpen(rank, size, name or null): a segment; null makes one
static napi_value shm_open_segment(napi_env env, napi_callback_info info) {
  Arguments a = arguments_of(env, info, 3);
  const int rank = (int)number(&a, 0), size = (int)number(&a, 1);
  char name[64];
  const char *given = text(&a, 2, name, sizeof name);
  if (!a.failed && (size > MAX_RANKS || size < 1)) throw(&a, "shm: got more than 256 ranks on a host, expected fewer: use tcp");
  if (a.failed) return NULL;
  Segment *segment = calloc(1, sizeof *segment);
  if (!segment) return NULL;
  segment->file = -1;
  segment->rank = rank;
  if (!(given ? segment_open(segment, size, given) : segment_create(segment, size))) {
    throw(&a, segment->problem);
    free_segment(env, segment, NULL);
    return NULL;
  }
  napi_value result;
  napi_create_external(env, segment, free_segment, NULL, &result);
  return result;
}

// shmName(segment): string
static napi_value shm_name(napi_env env, napi_callback_info info) {
  Arguments a = arguments_of(env, info, 1);
  const Segment *segment = segment_at(&a, 0);
  return a.failed ? NULL : make_string(env, segment->name);
}

// shmStart(segment, pids: Float64Array): all ranks have it open
static napi_value shm_start(napi_env env, napi_callback_info info) {
  Arguments a = arguments_of(env, info, 2);
  Segment *segment = segment_at(&a, 0);
  const double *pids = segment ? numbers(&a, 1, (size_t)segment->size) : NULL;
  if (a.failed) return NULL;
  for (int r = 0; r < segment->size; r++) segment->pids[r] = (int32_t)pids[r];
  segment_seal(segment);
  return NULL;
}

// shmAbort(segment): everybody who waits stops
static napi_value shm_abort(napi_env env, napi_callback_info info) {
  Arguments a = arguments_of(env, info, 1);
  Segment *segment = segment_at(&a, 0);
  if (!a.failed) segment_abort(segment, MAX_RANKS);
  return NULL;
}

// shmClose(segment)
static napi_value shm_close(napi_env env, napi_callback_info info) {
  Arguments a = arguments_of(env, info, 1);
  Segment *segment = segment_at(&a, 0);
  if (!a.failed) segment_close(segment);
  return NULL;
}

// Operations give undefined, or the rank that is gone (256: it was aborted).
static napi_value outcome(Arguments *arguments, const Segment *segment, bool done) {
  if (done) return nothing(arguments->env);
  return make_number(arguments->env, (double)atomic_load(&segment->header->aborted) - 1);
}

// shmAllreduce(segment, input, output: addresses, bytes, type, op, tree)
static napi_value shm_call_allreduce(napi_env env, napi_callback_info info) {
  Arguments a = arguments_of(env, info, 7);
  Segment *segment = segment_at(&a, 0);
  const void *input = address(&a, 1);
  void *output = address(&a, 2);
  const size_t bytes = (size_t)number(&a, 3);
  const WireType type = (WireType)number(&a, 4);
  const Reduction op = (Reduction)number(&a, 5);
  const bool tree = number(&a, 6) != 0;
  return a.failed ? NULL : outcome(&a, segment, shm_allreduce(segment, input, output, bytes, type, op, tree));
}

// shmBroadcast(segment, data: address, bytes, root)
static napi_value shm_call_broadcast(napi_env env, napi_callback_info info) {
  Arguments a = arguments_of(env, info, 4);
  Segment *segment = segment_at(&a, 0);
  void *data = address(&a, 1);
  const size_t bytes = (size_t)number(&a, 2);
  const int root = (int)number(&a, 3);
  return a.failed ? NULL : outcome(&a, segment, shm_broadcast(segment, data, bytes, root));
}

// shmAllgather(segment, input, output: addresses, counts: Float64Array)
static napi_value shm_call_allgather(napi_env env, napi_callback_info info) {
  Arguments a = arguments_of(env, info, 4);
  Segment *segment = segment_at(&a, 0);
  const void *input = address(&a, 1);
  void *output = address(&a, 2);
  const double *counts = segment ? numbers(&a, 3, (size_t)segment->size) : NULL;
  return a.failed ? NULL : outcome(&a, segment, shm_allgather(segment, input, output, counts));
}

// shmAlltoall(segment, input: address, sendCounts, output: address, receiveCounts)
static napi_value shm_call_alltoall(napi_env env, napi_callback_info info) {
  Arguments a = arguments_of(env, info, 5);
  Segment *segment = segment_at(&a, 0);
  const void *input = address(&a, 1);
  const double *send = segment ? numbers(&a, 2, (size_t)segment->size) : NULL;
  void *output = address(&a, 3);
  const double *receive = segment ? numbers(&a, 4, (size_t)segment->size) : NULL;
  return a.failed ? NULL : outcome(&a, segment, shm_alltoall(segment, input, send, output, receive));
}

// MPI's operations give undefined, or throw what is wrong.
static napi_value checked(Arguments *arguments, const char *problem) {
  if (problem) throw(arguments, problem);
  return arguments->failed ? NULL : nothing(arguments->env);
}

// mpiFind(library or null): undefined, or why it cannot be used
static napi_value call_mpi_find(napi_env env, napi_callback_info info) {
  Arguments a = arguments_of(env, info, 1);
  char path[1024];
  const char *library = text(&a, 0, path, sizeof path);
  if (a.failed) return NULL;
  const char *problem = mpi_find(library);
  return problem ? make_string(env, problem) : nothing(env);
}

// mpiStart(library or null): [rank, size]
static napi_value call_mpi_start(napi_env env, napi_callback_info info) {
  Arguments a = arguments_of(env, info, 1);
  char path[1024];
  const char *library = text(&a, 0, path, sizeof path);
  int rank = 0, size = 0;
  const char *problem = a.failed ? NULL : mpi_start(library, &rank, &size);
  if (problem) throw(&a, problem);
  if (a.failed) return NULL;
  napi_value result;
  napi_create_array_with_length(env, 2, &result);
  napi_set_element(env, result, 0, make_number(env, rank));
  napi_set_element(env, result, 1, make_number(env, size));
  return result;
}

// mpiLeave()
static napi_value call_mpi_leave(napi_env env, napi_callback_info info) {
  (void)info;
  mpi_leave();
  return nothing(env);
}

// mpiAllreduce(input, output: addresses, bytes, type, op)
static napi_value call_mpi_allreduce(napi_env env, napi_callback_info info) {
  Arguments a = arguments_of(env, info, 5);
  const void *input = address(&a, 0);
  void *output = address(&a, 1);
  const size_t bytes = (size_t)number(&a, 2);
  const WireType type = (WireType)number(&a, 3);
  const Reduction op = (Reduction)number(&a, 4);
  return a.failed ? NULL : checked(&a, mpi_allreduce(input, output, bytes, type, op));
}

// mpiBroadcast(data: address, bytes, root)
static napi_value call_mpi_broadcast(napi_env env, napi_callback_info info) {
  Arguments a = arguments_of(env, info, 3);
  void *data = address(&a, 0);
  const size_t bytes = (size_t)number(&a, 1);
  const int root = (int)number(&a, 2);
  return a.failed ? NULL : checked(&a, mpi_broadcast(data, bytes, root));
}

// mpiAllgather(input, output: addresses, counts: Float64Array, size)
static napi_value call_mpi_allgather(napi_env env, napi_callback_info info) {
  Arguments a = arguments_of(env, info, 4);
  const void *input = address(&a, 0);
  void *output = address(&a, 1);
  const int size = (int)number(&a, 3);
  const double *counts = numbers(&a, 2, (size_t)size);
  return a.failed ? NULL : checked(&a, mpi_allgather(input, output, counts, size));
}

// mpiAlltoall(input: address, sendCounts, output: address, receiveCounts, size)
static napi_value call_mpi_alltoall(napi_env env, napi_callback_info info) {
  Arguments a = arguments_of(env, info, 5);
  const void *input = address(&a, 0);
  void *output = address(&a, 2);
  const int size = (int)number(&a, 4);
  const double *send = numbers(&a, 1, (size_t)size), *receive = numbers(&a, 3, (size_t)size);
  return a.failed ? NULL : checked(&a, mpi_alltoall(input, send, output, receive, size));
}

static const struct { const char *name; napi_callback call; } functions[] = {
    {"addressOf", address_of},
    {"reduce", call_reduce},
    {"shmOpen", shm_open_segment},
    {"shmName", shm_name},
    {"shmStart", shm_start},
    {"shmAbort", shm_abort},
    {"shmClose", shm_close},
    {"shmAllreduce", shm_call_allreduce},
    {"shmBroadcast", shm_call_broadcast},
    {"shmAllgather", shm_call_allgather},
    {"shmAlltoall", shm_call_alltoall},
    {"mpiFind", call_mpi_find},
    {"mpiStart", call_mpi_start},
    {"mpiLeave", call_mpi_leave},
    {"mpiAllreduce", call_mpi_allreduce},
    {"mpiBroadcast", call_mpi_broadcast},
    {"mpiAllgather", call_mpi_allgather},
    {"mpiAlltoall", call_mpi_alltoall},
};

NAPI_MODULE_INIT() {
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    napi_value function;
    napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].call, NULL, &function);
    napi_set_named_property(env, exports, functions[i].name, function);
  }
  return exports;
}
