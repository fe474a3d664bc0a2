#include "../shm/collectives.h"
#include "../shm/meeting.h"
#include "arguments.h"
#include "calls.h"
#include <stdint.h>
#include <stdlib.h>

#define TURN_NS 10000000 /* of waiting, before other work of the thread has its turn */

// Threads that hold it take turns: never two at a time.
typedef struct {
  Segment segment;
  Operation operation;
  _Atomic int holders;
} Shared;

// One thread's.
typedef struct {
  Shared *shared; // NULL when it is closed
} Hold;

static void let_go(Shared *shared) {
  if (atomic_fetch_sub(&shared->holders, 1) > 1) return;
  segment_unmap(&shared->segment);
  free(shared);
}

static void close_hold(Hold *hold) {
  if (!hold->shared) return;
  segment_leave(&hold->shared->segment);
  let_go(hold->shared);
  hold->shared = NULL;
}

static void release(napi_env env, void *hold, void *hint) {
  (void)env, (void)hint;
  close_hold(hold);
  free(hold);
}

// Where there is no memory for it `shared` is closed.
static napi_value make_hold(Arguments *a, Shared *shared) {
  Hold *hold = malloc(sizeof *hold);
  napi_value result = NULL;
  if (hold) {
    hold->shared = shared;
    if (napi_create_external(a->env, hold, release, NULL, &result) == napi_ok) return result;
    close_hold(hold);
    free(hold);
  } else close_hold(&(Hold){shared});
  fail(a, NO_MEMORY);
  return NULL;
}

static Hold *hold_at(Arguments *a, int index) {
  void *hold = NULL;
  if (a->failed) return NULL;
  if (napi_get_value_external(a->env, a->values[index], &hold) != napi_ok) fail(a, "horovod-lite addon: expected a segment");
  return hold;
}

static Shared *shared_at(Arguments *a, int index) {
  const Hold *hold = hold_at(a, index);
  if (hold && !hold->shared) fail(a, "the shared memory is closed");
  return a->failed ? NULL : hold->shared;
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
  if (a.failed) return NULL;
  Shared *shared = calloc(1, sizeof *shared);
  if (!shared) return fail(&a, NO_MEMORY), NULL;
  Segment *segment = &shared->segment;
  segment->file = -1;
  segment->rank = rank;
  shared->operation.segment = segment;
  shared->holders = 1;
  const char *problem = name ? segment_open(segment, size, buffer, name) : segment_create(segment, size, buffer);
  if (!problem) return make_hold(&a, shared);
  fail(&a, problem);
  segment_leave(segment);
  let_go(shared);
  return NULL;
}

// shmLend(segment): where it is, for one shmBorrow
napi_value call_shmLend(napi_env env, napi_callback_info info) {
  Arguments a = read_arguments(env, info, 1);
  Shared *shared = shared_at(&a, 0);
  if (!shared) return NULL;
  atomic_fetch_add(&shared->holders, 1);
  return make_number(env, (double)(uintptr_t)shared);
}

// shmBorrow(address): the same segment, in another thread
napi_value call_shmBorrow(napi_env env, napi_callback_info info) {
  Arguments a = read_arguments(env, info, 1);
  Shared *shared = argument_address(&a, 0);
  return a.failed ? NULL : make_hold(&a, shared);
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

// shmClose(segment): for all threads of this process
napi_value call_shmClose(napi_env env, napi_callback_info info) {
  Arguments a = read_arguments(env, info, 1);
  Hold *hold = hold_at(&a, 0);
  if (hold) close_hold(hold);
  return NULL;
}

// shmMeet(segment, number of the operation, note, nanoseconds): whether all ranks are here with the same note
napi_value call_shmMeet(napi_env env, napi_callback_info info) {
  Arguments a = read_arguments(env, info, 4);
  Shared *shared = shared_at(&a, 0);
  const uint32_t number = (uint32_t)(uint64_t)argument_number(&a, 1); // begins anew at its end
  const uint64_t ns = (uint64_t)argument_number(&a, 3);
  char note[NOTE_BYTES];
  size_t length = 0;
  if (!a.failed && napi_get_value_string_utf8(env, a.values[2], note, sizeof note, &length) != napi_ok)
    fail(&a, "horovod-lite addon: expected a text");
  return a.failed ? NULL : make_boolean(env, meet(&shared->segment, number, note, length, ns));
}

// shmLeft(segment, rank): whether it has closed the segment
napi_value call_shmLeft(napi_env env, napi_callback_info info) {
  Arguments a = read_arguments(env, info, 2);
  Shared *shared = shared_at(&a, 0);
  const int rank = shared ? argument_choice(&a, 1, shared->segment.size) : 0;
  if (a.failed) return NULL;
  return make_boolean(env, atomic_load(&shared->segment.counters[rank].left) != 0);
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
