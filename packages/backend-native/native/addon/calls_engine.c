// Running programs: at once, or on the engine's thread.
#include <stdio.h>
#include <stdlib.h>
#include "calls.h"
#include "handles.h"

// What a queued run keeps alive until JavaScript knows that it has ended.
typedef struct {
  ProgramHandle *program;
  napi_ref kept; // an array: the callback first
} Owner;

static void throw_away(Run *run) {
  free(run->owner);
  free(run);
}

static const char *run_error(const Run *run, char *message, size_t size) {
  if (run->failed == RUN_WITHOUT_ARENA)
    snprintf(message, size, "out of memory: a program needs %.3g GB", (double)run->program->arenaBytes * 1e-9);
  else snprintf(message, size, "out of memory in %s", run->program->operations[run->failed]->name);
  return message;
}

static napi_value outcome(napi_env env, const Run *run) {
  napi_value result;
  char message[128];
  if (run->failed == RUN_DONE) napi_get_undefined(env, &result);
  else napi_create_string_utf8(env, run_error(run, message, sizeof message), NAPI_AUTO_LENGTH, &result);
  return result;
}

// Calls `done` of a run that has ended.
static void call_done(napi_env env, Run *run) {
  Owner *owner = run->owner;
  napi_handle_scope scope;
  napi_open_handle_scope(env, &scope);
  napi_value kept, done, global, error = outcome(env, run);
  napi_get_reference_value(env, owner->kept, &kept);
  napi_get_element(env, kept, 0, &done);
  napi_get_global(env, &global);
  if (napi_call_function(env, global, done, 1, &error, NULL) == napi_pending_exception) {
    napi_value exception;
    napi_get_and_clear_last_exception(env, &exception);
    napi_fatal_exception(env, exception);
  }
  napi_delete_reference(env, owner->kept);
  napi_close_handle_scope(env, scope);
}

static void deliver(EngineHandle *handle) {
  if (!handle->engine) return;
  for (Run *run = engine_take_ended(handle->engine), *next; run; run = next) {
    next = run->next;
    call_done(handle->env, run);
    program_handle_leave(((Owner *)run->owner)->program);
    throw_away(run);
    if (--handle->undelivered == 0) napi_unref_threadsafe_function(handle->env, handle->wake);
  }
}

static void deliver_from_wake(napi_env env, napi_value function, void *context, void *data) {
  (void)function, (void)data;
  if (env) deliver(context);
}

static void notify(void *context) {
  napi_call_threadsafe_function(((EngineHandle *)context)->wake, NULL, napi_tsfn_nonblocking);
}

// When the environment ends, and at the latest before its arrays go.
static void stop(void *data) {
  EngineHandle *handle = data;
  engine_stop(handle->engine);
  for (Run *run = engine_take_ended(handle->engine), *next; run; run = next) {
    next = run->next;
    throw_away(run);
  }
  engine_free(handle->engine);
  handle->engine = NULL;
}

static void dispose(EngineHandle *handle) {
  if (!handle->engine) return;
  napi_remove_env_cleanup_hook(handle->env, stop, handle);
  stop(handle);
  napi_release_threadsafe_function(handle->wake, napi_tsfn_abort);
}

static void finalize_engine(napi_env env, void *data, void *hint) {
  (void)env, (void)hint;
  dispose(data);
  free(data);
}

// createEngine() → engine
napi_value call_createEngine(napi_env env, napi_callback_info info) {
  Arguments arguments = read_arguments(env, info, "createEngine", 0);
  if (arguments.failed) return NULL;
  EngineHandle *handle = calloc(1, sizeof *handle);
  napi_value name;
  napi_create_string_utf8(env, "backend native", NAPI_AUTO_LENGTH, &name);
  if (handle) *handle = (EngineHandle){.env = env, .engine = engine_create(notify, handle)};
  if (!handle || !handle->engine ||
      napi_create_threadsafe_function(env, NULL, NULL, name, 0, 1, NULL, NULL, handle, deliver_from_wake, &handle->wake) != napi_ok) {
    if (handle && handle->engine) engine_free(handle->engine);
    free(handle);
    fail(&arguments, "out of memory");
    return NULL;
  }
  napi_unref_threadsafe_function(env, handle->wake);
  napi_add_env_cleanup_hook(env, stop, handle); // after `wake` has its own, so that the thread ends first
  return engine_handle_create(env, handle, finalize_engine);
}

// disposeEngine(engine): once all its runs are done
napi_value call_disposeEngine(napi_env env, napi_callback_info info) {
  Arguments arguments = read_arguments(env, info, "disposeEngine", 1);
  EngineHandle *handle = argument_engine(&arguments, 0);
  if (!handle) return NULL;
  engine_wait(handle->engine, engine_submitted(handle->engine));
  deliver(handle);
  dispose(handle);
  return NULL;
}

// The arguments of a run, read before anything is checked, since reading an element may run a program of JavaScript's.
typedef struct {
  napi_value kept; // an array: done, engine, program, times, inputs, outputs; so nothing that a queued run needs is collected
  uint32_t inputs, outputs;
} RunArguments;

static uint32_t append_list(Arguments *arguments, int index, napi_value kept, uint32_t at) {
  uint32_t count = 0;
  if (napi_get_array_length(arguments->env, arguments->values[index], &count) != napi_ok)
    fail(arguments, "argument %d is not an array", index);
  for (uint32_t i = 0; i < count && !arguments->failed; i++) {
    napi_value element;
    if (napi_get_element(arguments->env, arguments->values[index], i, &element) != napi_ok) arguments->failed = true; // it threw
    else napi_set_element(arguments->env, kept, at + i, element);
  }
  return count;
}

enum { KEPT_BEFORE_ARRAYS = 4 };

static RunArguments read_run_arguments(Arguments *arguments, napi_value done) {
  RunArguments run = {0};
  if (arguments->failed) return run;
  napi_create_array(arguments->env, &run.kept);
  const napi_value first[KEPT_BEFORE_ARRAYS] = {done, arguments->values[0], arguments->values[1], arguments->values[4]};
  for (uint32_t i = 0; i < KEPT_BEFORE_ARRAYS; i++) napi_set_element(arguments->env, run.kept, i, first[i]);
  run.inputs = append_list(arguments, 2, run.kept, KEPT_BEFORE_ARRAYS);
  if (!arguments->failed) run.outputs = append_list(arguments, 3, run.kept, KEPT_BEFORE_ARRAYS + run.inputs);
  return run;
}

// A run of (engine, program, inputs, outputs, times | null), checked; NULL after a failure.
static Run *create_run(Arguments *arguments, const RunArguments *given) {
  const EngineHandle *engine = argument_engine(arguments, 0);
  const ProgramHandle *handle = argument_program(arguments, 1);
  if (!engine || !handle) return NULL;
  const Program *program = handle->program;
  if ((int64_t)given->inputs != program->inputCount || (int64_t)given->outputs != program->outputCount) {
    fail(arguments, "got %u inputs and %u outputs, expected %d and %d", given->inputs, given->outputs, program->inputCount,
         program->outputCount);
    return NULL;
  }
  Run *run = run_create(program);
  if (!run) {
    fail(arguments, "out of memory");
    return NULL;
  }
  run->kernels = kernels;
  run->times = argument_doubles_or_null(arguments, 4, 2 * (int64_t)program->instructionCount);
  for (int i = 0; i < program->inputCount + program->outputCount && !arguments->failed; i++)
    run->memory[i] = array_memory(arguments, given->kept, KEPT_BEFORE_ARRAYS + (uint32_t)i, program->arrayBytes[i]);
  if (!arguments->failed) return run;
  free(run);
  return NULL;
}

// run(engine, program, inputs, outputs, times | null): after all that was submitted before
napi_value call_run(napi_env env, napi_callback_info info) {
  Arguments arguments = read_arguments(env, info, "run", 5);
  const RunArguments given = read_run_arguments(&arguments, arguments.values[0]);
  Run *run = create_run(&arguments, &given);
  if (!run) return NULL;
  engine_run(argument_engine(&arguments, 0)->engine, run);
  char message[128];
  if (run->failed != RUN_DONE) fail(&arguments, "%s", run_error(run, message, sizeof message));
  free(run);
  return NULL;
}

// submit(engine, program, inputs, outputs, times | null, done) → its number. done(error: string | undefined) is called on
// JavaScript's thread when it has ended; until then the arrays must be neither detached nor resized.
napi_value call_submit(napi_env env, napi_callback_info info) {
  Arguments arguments = read_arguments(env, info, "submit", 6);
  napi_valuetype type = napi_undefined;
  if (!arguments.failed) napi_typeof(env, arguments.values[5], &type);
  if (!arguments.failed && type != napi_function) fail(&arguments, "argument 5 is not a function");
  const RunArguments given = read_run_arguments(&arguments, arguments.values[5]);
  Run *run = create_run(&arguments, &given);
  if (!run) return NULL;
  Owner *owner = run->owner = calloc(1, sizeof *owner);
  if (!owner || napi_create_reference(env, given.kept, 1, &owner->kept) != napi_ok) {
    throw_away(run);
    fail(&arguments, "out of memory");
    return NULL;
  }
  EngineHandle *handle = argument_engine(&arguments, 0);
  owner->program = argument_program(&arguments, 1);
  owner->program->runs++;
  if (handle->undelivered++ == 0) napi_ref_threadsafe_function(env, handle->wake);
  napi_value number;
  napi_create_int64(env, engine_submit(handle->engine, run), &number);
  return number;
}

// wait(engine, number): until that run has ended, and `done` was called for it and for all before it
napi_value call_wait(napi_env env, napi_callback_info info) {
  Arguments arguments = read_arguments(env, info, "wait", 2);
  EngineHandle *handle = argument_engine(&arguments, 0);
  const double number = argument_number(&arguments, 1);
  if (arguments.failed) return NULL;
  const int64_t submitted = engine_submitted(handle->engine);
  if (!(number >= 0 && number <= (double)submitted))
    fail(&arguments, "got run %g, expected 0 to %lld", number, (long long)submitted);
  else {
    engine_wait(handle->engine, (int64_t)number);
    deliver(handle);
  }
  return NULL;
}
