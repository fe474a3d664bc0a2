// Runs programs, one after the other in the order in which they were given: at once, or on a thread of its own. All functions
// are for the thread that made the engine.
#pragma once
#include "program.h"

// One run of a program.
typedef struct Run {
  const Program *program;
  const Kernels *kernels;
  double *times; // see program_run
  void *owner;   // whatever the caller wants to know of it later
  int64_t number; // 1 for an engine's first run
  int failed;     // RUN_DONE, or why not
  struct Run *next;
  void *memory[]; // the program's arrays, then room for program_run
} Run;

// Else `failed` is the number of the instruction that found no memory.
enum { RUN_DONE = -1, RUN_WITHOUT_ARENA = -2, RUN_NOT_STARTED = -3 };

// NULL where memory ran out.
Run *run_create(const Program *program);

typedef struct Engine Engine;

// `notify` is called on the engine's thread when a run has ended. NULL where memory ran out.
Engine *engine_create(void (*notify)(void *context), void *context);
// Once all runs before it are done, on the calling thread.
void engine_run(Engine *engine, Run *run);
// Queues it and returns its number at once.
int64_t engine_submit(Engine *engine, Run *run);
// The number of the last run that was submitted.
int64_t engine_submitted(const Engine *engine);
// Blocks until run `number` has ended, and so all before it.
void engine_wait(Engine *engine, int64_t number);
// Queued runs that have ended, oldest first (Run.next); the caller frees them.
Run *engine_take_ended(Engine *engine);
// Ends the thread after the run that it is at; those behind it end as RUN_NOT_STARTED. Frees the arena. No run may follow.
void engine_stop(Engine *engine);
void engine_free(Engine *engine);
