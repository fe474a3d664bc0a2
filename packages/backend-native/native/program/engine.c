#include "engine.h"
#include <stdlib.h>
#include "../threads_system.h"
#include "arena.h"

typedef struct {
  Run *first, *last;
} List;

struct Engine {
  void (*notify)(void *context);
  void *context;
  Arena arena; // of whoever runs: the thread while runs wait, else the caller
  int64_t submitted;
  Thread thread;
  bool threaded;

  Mutex lock; // guards the rest
  Condition news;
  List waiting, ended;
  int64_t completed;
  bool stopping;
};

static void append(List *list, Run *run) {
  run->next = NULL;
  if (list->last) list->last->next = run;
  else list->first = run;
  list->last = run;
}

static Run *take_first(List *list) {
  Run *run = list->first;
  list->first = run->next;
  if (!list->first) list->last = NULL;
  return run;
}

Run *run_create(const Program *program) {
  const int pointers = program->inputCount + program->outputCount + program->maxOperands;
  Run *run = calloc(1, sizeof *run + (size_t)pointers * sizeof *run->memory);
  if (run) run->program = program;
  return run;
}

static void execute(Engine *engine, Run *run) {
  const Program *program = run->program;
  char *arena = arena_reserve(&engine->arena, program->arenaBytes);
  void **operands = run->memory + program->inputCount + program->outputCount;
  if (!arena && program->arenaBytes > 0) run->failed = RUN_WITHOUT_ARENA;
  else run->failed = program_run(program, run->kernels, run->memory, arena, operands, run->times);
}

// With the lock held.
static void end_run(Engine *engine, Run *run) {
  engine->completed = run->number;
  append(&engine->ended, run);
  condition_broadcast(&engine->news);
}

THREAD_MAIN(engine_main) {
  Engine *engine = argument;
  mutex_lock(&engine->lock);
  for (;;) {
    while (!engine->waiting.first && !engine->stopping) condition_wait(&engine->news, &engine->lock);
    if (engine->stopping) break;
    Run *run = take_first(&engine->waiting);
    mutex_unlock(&engine->lock);
    execute(engine, run);
    mutex_lock(&engine->lock);
    end_run(engine, run);
    mutex_unlock(&engine->lock);
    engine->notify(engine->context);
    mutex_lock(&engine->lock);
  }
  mutex_unlock(&engine->lock);
  return 0;
}

Engine *engine_create(void (*notify)(void *context), void *context) {
  Engine *engine = calloc(1, sizeof *engine);
  if (!engine) return NULL;
  engine->notify = notify, engine->context = context;
  mutex_reset(&engine->lock);
  condition_reset(&engine->news);
  return engine;
}

void engine_wait(Engine *engine, int64_t number) {
  mutex_lock(&engine->lock);
  while (engine->completed < number) condition_wait(&engine->news, &engine->lock);
  mutex_unlock(&engine->lock);
}

void engine_run(Engine *engine, Run *run) {
  engine_wait(engine, engine->submitted);
  execute(engine, run);
}

int64_t engine_submitted(const Engine *engine) { return engine->submitted; }

int64_t engine_submit(Engine *engine, Run *run) {
  const int64_t number = run->number = ++engine->submitted;
  if (!engine->threaded) engine->threaded = thread_create(&engine->thread, engine_main, engine);
  if (!engine->threaded) execute(engine, run); // the system has no more threads: here and now
  mutex_lock(&engine->lock);
  if (engine->threaded) {
    append(&engine->waiting, run);
    condition_broadcast(&engine->news);
  } else end_run(engine, run);
  mutex_unlock(&engine->lock);
  if (!engine->threaded) engine->notify(engine->context);
  return number;
}

Run *engine_take_ended(Engine *engine) {
  mutex_lock(&engine->lock);
  Run *first = engine->ended.first;
  engine->ended = (List){0};
  mutex_unlock(&engine->lock);
  return first;
}

void engine_stop(Engine *engine) {
  mutex_lock(&engine->lock);
  engine->stopping = true;
  condition_broadcast(&engine->news);
  mutex_unlock(&engine->lock);
  if (engine->threaded) thread_join(engine->thread);
  engine->threaded = false;
  while (engine->waiting.first) {
    Run *run = take_first(&engine->waiting);
    run->failed = RUN_NOT_STARTED;
    end_run(engine, run);
  }
  arena_free(&engine->arena);
}

void engine_free(Engine *engine) {
  mutex_destroy(&engine->lock);
  condition_destroy(&engine->news);
  free(engine);
}
