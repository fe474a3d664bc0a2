#include "../tcp/pass.h"
#include "../tcp/silence.h"
#include "arguments.h"
#include "calls.h"
#include <stdlib.h>

#define TURN_NS 10000000 /* of one call, before the thread's other work has its turn */

struct uv_loop_s;
int uv_backend_fd(const struct uv_loop_s *loop); // libuv's: readable where the event loop has something to do

static void release(napi_env env, void *data, void *hint) {
  (void)env, (void)hint;
  Pass *pass = data;
  free(pass->outgoing.parts);
  free(pass->incoming.parts);
  free(pass->scratch);
  free(pass);
}

static Pass *pass_at(Arguments *a, int index) {
  void *pass = NULL;
  if (!a->failed && napi_get_value_external(a->env, a->values[index], &pass) != napi_ok)
    fail(a, "horovod-lite addon: expected a pass");
  return pass;
}

// Numbers: data, own, bytes of each part.
static void set_parts(Arguments *a, int index, Stream *stream) {
  napi_typedarray_type type;
  size_t length;
  void *data = NULL;
  if (a->failed) return;
  if (napi_get_typedarray_info(a->env, a->values[index], &type, &length, &data, NULL, NULL) != napi_ok ||
      type != napi_float64_array || length % 3 != 0)
    return fail(a, "horovod-lite addon: expected a Float64Array with three numbers for each part");
  const double *numbers = data;
  Part *parts = stream->parts;
  free(parts);
  *stream = (Stream){.parts = malloc(length / 3 * sizeof *parts), .count = length / 3};
  if (!stream->parts && length > 0) {
    stream->count = 0;
    return fail(a, NO_MEMORY);
  }
  for (size_t i = 0; i < stream->count; i++) {
    const double *of = numbers + 3 * i;
    stream->parts[i] = (Part){(char *)(uintptr_t)of[0], (const char *)(uintptr_t)of[1], (size_t)of[2]};
  }
}

// tcpPass(): memory for one pass after the other
napi_value call_tcpPass(napi_env env, napi_callback_info info) {
  Arguments a = read_arguments(env, info, 0);
  Pass *pass = calloc(1, sizeof *pass);
  napi_value result = NULL;
  if (pass && (pass->scratch = malloc(PASS_PIECE)) && napi_create_external(env, pass, release, NULL, &result) == napi_ok)
    return result;
  if (pass) release(env, pass, NULL);
  fail(&a, NO_MEMORY);
  return NULL;
}

// tcpBegin(pass, outgoing, incoming: parts, lead: bytes, type, op)
napi_value call_tcpBegin(napi_env env, napi_callback_info info) {
  Arguments a = read_arguments(env, info, 6);
  Pass *pass = pass_at(&a, 0);
  const size_t lead = (size_t)argument_number(&a, 3);
  const WireType type = argument_type(&a, 4);
  const Reduction op = argument_op(&a, 5);
  if (a.failed) return NULL;
  set_parts(&a, 1, &pass->outgoing);
  set_parts(&a, 2, &pass->incoming);
  if (a.failed) return NULL;
  pass->lead = lead;
  pass->type = type;
  pass->op = op;
  pass->waiting = 0;
  return NULL;
}

// tcpProceed(pass, out, in: descriptors): 0 at the end, 1 where it may be called again, −2 e where sending failed with the
// system's error e, −2 e − 1 where receiving did (e = 0: the other side closed the connection)
napi_value call_tcpProceed(napi_env env, napi_callback_info info) {
  Arguments a = read_arguments(env, info, 3);
  Pass *pass = pass_at(&a, 0);
  const int out = (int)argument_number(&a, 1), in = (int)argument_number(&a, 2);
  struct uv_loop_s *loop = NULL;
  if (a.failed) return NULL;
  const int other = napi_get_uv_event_loop(env, &loop) == napi_ok ? uv_backend_fd(loop) : -1;
  int error = 0;
  switch (pass_proceed(pass, out, in, other, TURN_NS, &error)) {
    case DONE: return make_number(env, 0);
    case LATER: return make_number(env, 1);
    case SENDING_FAILED: return make_number(env, -2.0 * error);
    default: return make_number(env, -2.0 * error - 1);
  }
}

// tcpLimitSilence(descriptor, seconds)
napi_value call_tcpLimitSilence(napi_env env, napi_callback_info info) {
  Arguments a = read_arguments(env, info, 2);
  const int descriptor = (int)argument_number(&a, 0), seconds = (int)argument_number(&a, 1);
  if (!a.failed) limit_silence(descriptor, seconds);
  return NULL;
}
