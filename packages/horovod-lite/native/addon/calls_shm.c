#include "../shm/collectives.h"
#include "arguments.h"
#include "calls.h"
#include <stdlib.h>

#define TURN_NS 10000000 /* of waiting, before other work of the thread has its turn */

typedef struct {
  Segment segment;
  Operation operation;
} Shared;

static void release(napi_env env, void *shared, void *hint) {
  (void)env, (void)hint;
  segment_close(&((Shared *)shared)->segment);
  free(shared);
}

static Shared *shared_at(Arguments *a, int index) {
  void *data = NULL;
  if (a->failed) return NULL;
  if (napi_get_value_external(a->env, a->values[index], &data) != napi_ok) fail(a, "horovod-lite addon: expected a segment");
  else if (!((Shared *)data)->segment.counters) fail(a, "the shared memory is closed");
  return a->failed ? NULL : data;
}

static const double *numbers_of_ranks(Arguments *a, int index, const Shared *shared) {
  return shared ? argument_numbers(a, index, shared->segment.size) : NULL;
}

// shmOpen(rank, size, buffer, name or null): a segment; null makes one
napi_value call_shmOpen(napi_env env, napi_callback_info info) {
  Arguments a = read_arguments(env, info, 4);
  const int size = argument_choice(&a, 1, MAX_RANKS + 1), rank = argument_choice(&a, 0, size);
  const size_t buffer = (size_t)argument_number(&a, 2);
  char room[64];
  const char *name = argument_text(&a, 3, room, sizeof room);
  if (!a.failed && size < 2) fail(&a, "shmOpen: expected at least two ranks");
  Shared *shared = a.failed ? NULL : calloc(1, sizeof *shared);
  if (!shared) return NULL;
  Segment *segment = &shared->segment;
  segment->file = -1;
  segment->rank = rank;
  shared->operation.segment = segment;
  const char *problem = name ? segment_open(segment, size, buffer, name) : segment_create(segment, size, buffer);
  if (problem) {
    fail(&a, problem);
    release(env, shared, NULL);
    return NULL;
  }
  napi_value result;
  napi_create_external(env, shared, release, NULL, &result);
  return result;
}

// shmName(segment): string
napi_value call_shmName(napi_env env, napi_callback_info info) {
  Arguments a = read_arguments(env, info, 1);
  const Shared *shared = shared_at(&a, 0);
  return shared ? make_string(env, shared->segment.name) : NULL;
}

// shmSeal(segment): all ranks have it open
napi_value call_shmSeal(napi_env env, napi_callback_info info) {
  Arguments a = read_arguments(env, info, 1);
  Shared *shared = shared_at(&a, 0);
  if (shared) segment_seal(&shared->segment);
  return NULL;
}

// shmClose(segment)
napi_value call_shmClose(napi_env env, napi_callback_info info) {
  Arguments a = read_arguments(env, info, 1);
  Shared *shared = shared_at(&a, 0);
  if (shared) segment_close(&shared->segment);
  return NULL;
}

// shmLeft(segment, rank): whether it has closed the segment
napi_value call_shmLeft(napi_env env, napi_callback_info info) {
  Arguments a = read_arguments(env, info, 2);
  Shared *shared = shared_at(&a, 0);
  const int rank = shared ? argument_choice(&a, 1, shared->segment.size) : 0;
  if (a.failed) return NULL;
  napi_value result;
  napi_get_boolean(env, atomic_load(&shared->segment.counters[rank].left) != 0, &result);
  return result;
}

// Operations give −1 at their end. Else rank r is missing: r where shmProceed may go on, −2 − r where r has left.
static napi_value go_on(const Arguments *a, Shared *shared) {
  if (a->failed) return NULL;
  const Segment *s = &shared->segment;
  const bool done = proceed(&shared->operation, TURN_NS);
  return make_number(a->env, done ? -1 : s->lost ? -2 - s->waiting_for : s->waiting_for);
}

// shmProceed(segment)
napi_value call_shmProceed(napi_env env, napi_callback_info info) {
  Arguments a = read_arguments(env, info, 1);
  Shared *shared = shared_at(&a, 0);
  return go_on(&a, shared);
}

// shmAllreduce(segment, input, output: addresses, bytes, type, op, tree: 0 or 1)
napi_value call_shmAllreduce(napi_env env, napi_callback_info info) {
  Arguments a = read_arguments(env, info, 7);
  Shared *shared = shared_at(&a, 0);
  const void *input = argument_address(&a, 1);
  void *output = argument_address(&a, 2);
  const size_t bytes = (size_t)argument_number(&a, 3);
  const WireType type = argument_type(&a, 4);
  const Reduction op = argument_op(&a, 5);
  const bool tree = argument_choice(&a, 6, 2);
  if (!a.failed) begin_allreduce(&shared->operation, input, output, bytes, type, op, tree);
  return go_on(&a, shared);
}

// shmBroadcast(segment, data: address, bytes, root)
napi_value call_shmBroadcast(napi_env env, napi_callback_info info) {
  Arguments a = read_arguments(env, info, 4);
  Shared *shared = shared_at(&a, 0);
  void *data = argument_address(&a, 1);
  const size_t bytes = (size_t)argument_number(&a, 2);
  const int root = shared ? argument_choice(&a, 3, shared->segment.size) : 0;
  if (!a.failed) begin_broadcast(&shared->operation, data, bytes, root);
  return go_on(&a, shared);
}

// shmAllgather(segment, input, output: addresses, counts: Float64Array)
napi_value call_shmAllgather(napi_env env, napi_callback_info info) {
  Arguments a = read_arguments(env, info, 4);
  Shared *shared = shared_at(&a, 0);
  const void *input = argument_address(&a, 1);
  void *output = argument_address(&a, 2);
  const double *counts = numbers_of_ranks(&a, 3, shared);
  if (!a.failed) begin_allgather(&shared->operation, input, output, counts);
  return go_on(&a, shared);
}

// shmAlltoall(segment, input: address, sendCounts, output: address, receiveCounts)
napi_value call_shmAlltoall(napi_env env, napi_callback_info info) {
  Arguments a = read_arguments(env, info, 5);
  Shared *shared = shared_at(&a, 0);
  const void *input = argument_address(&a, 1);
  void *output = argument_address(&a, 3);
  const double *send = numbers_of_ranks(&a, 2, shared), *receive = numbers_of_ranks(&a, 4, shared);
  if (!a.failed) begin_alltoall(&shared->operation, input, send, output, receive);
  return go_on(&a, shared);
}
