#include "../mpi/mpi.h"
#include "arguments.h"
#include "calls.h"

// MPI's operations give nothing, or throw what is wrong.
static napi_value checked(Arguments *a, const char *problem) {
  if (problem) fail(a, problem);
  return NULL;
}

// mpiFind(library or null): undefined, or why it cannot be used
napi_value call_mpiFind(napi_env env, napi_callback_info info) {
  Arguments a = read_arguments(env, info, 1);
  char room[4096];
  const char *library = argument_text(&a, 0, room, sizeof room);
  const char *problem = a.failed ? NULL : mpi_find(library);
  return problem ? make_string(env, problem) : NULL;
}

// mpiStart(library or null): [rank, size]
napi_value call_mpiStart(napi_env env, napi_callback_info info) {
  Arguments a = read_arguments(env, info, 1);
  char room[4096];
  const char *library = argument_text(&a, 0, room, sizeof room);
  const char *problem = a.failed ? NULL : mpi_start(library);
  if (problem) fail(&a, problem);
  if (a.failed) return NULL;
  napi_value result;
  napi_create_array_with_length(env, 2, &result);
  napi_set_element(env, result, 0, make_number(env, mpi_rank()));
  napi_set_element(env, result, 1, make_number(env, mpi_size()));
  return result;
}

// mpiLeave()
napi_value call_mpiLeave(napi_env env, napi_callback_info info) {
  (void)env, (void)info;
  mpi_leave();
  return NULL;
}

// mpiAllreduce(input, output: addresses, bytes, type, op)
napi_value call_mpiAllreduce(napi_env env, napi_callback_info info) {
  Arguments a = read_arguments(env, info, 5);
  const void *input = argument_address(&a, 0);
  void *output = argument_address(&a, 1);
  const size_t bytes = (size_t)argument_number(&a, 2);
  const WireType type = argument_type(&a, 3);
  const Reduction op = argument_op(&a, 4);
  return a.failed ? NULL : checked(&a, mpi_allreduce(input, output, bytes, type, op));
}

// mpiBroadcast(data: address, bytes, root)
napi_value call_mpiBroadcast(napi_env env, napi_callback_info info) {
  Arguments a = read_arguments(env, info, 3);
  void *data = argument_address(&a, 0);
  const size_t bytes = (size_t)argument_number(&a, 1);
  const int root = (int)argument_number(&a, 2);
  return a.failed ? NULL : checked(&a, mpi_broadcast(data, bytes, root));
}

// mpiAllgather(input, output: addresses, counts: Float64Array)
napi_value call_mpiAllgather(napi_env env, napi_callback_info info) {
  Arguments a = read_arguments(env, info, 3);
  const void *input = argument_address(&a, 0);
  void *output = argument_address(&a, 1);
  const double *counts = argument_numbers(&a, 2, mpi_size());
  return a.failed ? NULL : checked(&a, mpi_allgather(input, output, counts));
}

// mpiAlltoall(input: address, sendCounts, output: address, receiveCounts)
napi_value call_mpiAlltoall(napi_env env, napi_callback_info info) {
  Arguments a = read_arguments(env, info, 4);
  const void *input = argument_address(&a, 0);
  void *output = argument_address(&a, 2);
  const double *send = argument_numbers(&a, 1, mpi_size()), *receive = argument_numbers(&a, 3, mpi_size());
  return a.failed ? NULL : checked(&a, mpi_alltoall(input, send, output, receive));
}
