// Programs and engines as JavaScript has them: tagged objects, so that nothing else is taken for one.
#pragma once
#include "../program/engine.h"
#include "arguments.h"

typedef struct {
  Program *program; // NULL once disposed of
  int runs;         // that wait or run: the program lives on until they are done
  bool disposed;
} ProgramHandle;

typedef struct {
  Engine *engine; // NULL once disposed of
  napi_env env;
  napi_threadsafe_function wake; // calls `deliver` on JavaScript's thread
  int undelivered;               // runs that JavaScript waits for; they keep the process alive
} EngineHandle;

napi_value program_handle_create(napi_env env, Program *program);
napi_value engine_handle_create(napi_env env, EngineHandle *handle, napi_finalize finalize);

// What argument `index` stands for. Fails where it is something else, or was disposed of.
ProgramHandle *argument_program(Arguments *arguments, int index);
EngineHandle *argument_engine(Arguments *arguments, int index);

// One run less. Frees a program that was disposed of meanwhile.
void program_handle_leave(ProgramHandle *handle);
