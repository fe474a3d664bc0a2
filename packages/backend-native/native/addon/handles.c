#include "handles.h"
#include <stdlib.h>

static const napi_type_tag PROGRAM = {0x51e0a3f24c7d4b68, 0xb2c9d0e7f6a18354}, ENGINE = {0x9d1c6fa0c53b4e11, 0xa7f24ce1b7e9d302};

static napi_value tagged_object(napi_env env, const napi_type_tag *tag, void *data, napi_finalize finalize) {
  napi_value object;
  if (napi_create_object(env, &object) == napi_ok && napi_type_tag_object(env, object, tag) == napi_ok &&
      napi_wrap(env, object, data, finalize, NULL, NULL) == napi_ok)
    return object;
  finalize(env, data, NULL);
  napi_throw_error(env, NULL, "backend native: out of memory");
  return NULL;
}

static void *tagged_data(Arguments *arguments, int index, const napi_type_tag *tag) {
  napi_valuetype type;
  bool tagged = false;
  void *data = NULL;
  const napi_value object = arguments->values[index];
  if (arguments->failed || napi_typeof(arguments->env, object, &type) != napi_ok || type != napi_object) return NULL;
  if (napi_check_object_type_tag(arguments->env, object, tag, &tagged) != napi_ok || !tagged) return NULL;
  return napi_unwrap(arguments->env, object, &data) == napi_ok ? data : NULL;
}

static void finalize_program(napi_env env, void *data, void *hint) {
  (void)env, (void)hint;
  ProgramHandle *handle = data;
  program_free(handle->program);
  free(handle);
}

napi_value program_handle_create(napi_env env, Program *program) {
  ProgramHandle *handle = calloc(1, sizeof *handle);
  if (!handle) {
    program_free(program);
    napi_throw_error(env, NULL, "backend native: out of memory");
    return NULL;
  }
  handle->program = program;
  return tagged_object(env, &PROGRAM, handle, finalize_program);
}

napi_value engine_handle_create(napi_env env, EngineHandle *handle, napi_finalize finalize) {
  return tagged_object(env, &ENGINE, handle, finalize);
}

ProgramHandle *argument_program(Arguments *arguments, int index) {
  ProgramHandle *handle = tagged_data(arguments, index, &PROGRAM);
  if (!handle) fail(arguments, "argument %d is not a program", index);
  else if (handle->disposed) fail(arguments, "the program was disposed of");
  return arguments->failed ? NULL : handle;
}

EngineHandle *argument_engine(Arguments *arguments, int index) {
  EngineHandle *handle = tagged_data(arguments, index, &ENGINE);
  if (!handle) fail(arguments, "argument %d is not an engine", index);
  else if (!handle->engine) fail(arguments, "the engine was disposed of");
  return arguments->failed ? NULL : handle;
}

void program_handle_leave(ProgramHandle *handle) {
  if (--handle->runs > 0 || !handle->disposed) return;
  program_free(handle->program);
  handle->program = NULL;
}
