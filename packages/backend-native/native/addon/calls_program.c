// Making programs, and the names of what they are made of.
#include "../program/operations.h"
#include "calls.h"
#include "handles.h"

// createProgram(code: Int32Array, numbers: Float32Array, buffers: Float64Array) → program; ProgramSource says what is in them
napi_value call_createProgram(napi_env env, napi_callback_info info) {
  Arguments arguments = read_arguments(env, info, "createProgram", 3);
  const ProgramSource source = {
      .code = argument_ints(&arguments, 0, ANY_COUNT), .codeLength = argument_count(&arguments, 0),
      .numbers = argument_floats(&arguments, 1, ANY_COUNT), .numberLength = argument_count(&arguments, 1),
      .buffers = argument_doubles(&arguments, 2, ANY_COUNT), .bufferLength = argument_count(&arguments, 2)};
  if (arguments.failed) return NULL;
  char error[192];
  Program *program = program_create(&source, error, sizeof error);
  if (!program) fail(&arguments, "%s", error);
  return program ? program_handle_create(env, program) : NULL;
}

// disposeProgram(program): once its queued runs are done
napi_value call_disposeProgram(napi_env env, napi_callback_info info) {
  Arguments arguments = read_arguments(env, info, "disposeProgram", 1);
  ProgramHandle *handle = argument_program(&arguments, 0);
  if (!handle) return NULL;
  handle->disposed = true;
  handle->runs++;
  program_handle_leave(handle);
  return NULL;
}

// operations() → their names; an operation's number is its place
napi_value call_operations(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value names;
  napi_create_array(env, &names);
  for (uint32_t i = 0; operation_at(i); i++) {
    napi_value name;
    napi_create_string_utf8(env, operation_at(i)->name, NAPI_AUTO_LENGTH, &name);
    napi_set_element(env, names, i, name);
  }
  return names;
}
