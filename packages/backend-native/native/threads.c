// A pool of workers that take chunks from a shared counter.
//
// The caller fills in the job, makes `generation` odd (open), works along, makes it even (closed), and waits until no
// worker is `inside`. A worker enters by counting itself inside and then looking whether the job is still open; the caller
// closes and then looks whether anyone is inside. Both orders are sequentially consistent, so one of them sees the other,
// and a worker that wakes late finds a closed job and delays nobody. Idle workers spin for some microseconds, then sleep.
#if defined(__linux__)
#define _GNU_SOURCE
#endif
#include "threads.h"
#include <stdatomic.h>
#include <stdlib.h>
#include "processors.h"
#include "threads_system.h"

enum { SPINS_BEFORE_SLEEP = 2000, SPINS_BEFORE_YIELD = 10000 };

static struct {
  Mutex user;      // held by the one caller whose job runs
  Mutex sleep;     // guards the workers' going to sleep
  Condition wake;
  atomic_int size; // threads that take part, the caller included; 0: not decided yet
  int workers;     // created so far
  int process;     // that created them: a fork has none
  atomic_uint generation;
  atomic_int inside, sleepers;
  atomic_bool stopping;
  Thread handles[MAX_THREADS];

  void (*body)(void *, int64_t, int64_t, int);
  void *context;
  int64_t count, grain;
  int helpers; // workers with a number up to this take part
  _Atomic int64_t next;
} pool = {.user = MUTEX_INITIAL, .sleep = MUTEX_INITIAL, .wake = CONDITION_INITIAL};

static _Thread_local bool in_body;

static void take_chunks(int thread) {
  in_body = true;
  for (;;) {
    const int64_t begin = atomic_fetch_add(&pool.next, pool.grain);
    if (begin >= pool.count) break;
    const int64_t end = pool.count - begin < pool.grain ? pool.count : begin + pool.grain;
    pool.body(pool.context, begin, end, thread);
  }
  in_body = false;
}

static void wait_for_news(unsigned seen) {
  for (int i = 0; i < SPINS_BEFORE_SLEEP; i++) {
    if (atomic_load(&pool.generation) != seen || atomic_load(&pool.stopping)) return;
    spin_pause();
  }
  mutex_lock(&pool.sleep);
  atomic_fetch_add(&pool.sleepers, 1);
  while (atomic_load(&pool.generation) == seen && !atomic_load(&pool.stopping)) condition_wait(&pool.wake, &pool.sleep);
  atomic_fetch_sub(&pool.sleepers, 1);
  mutex_unlock(&pool.sleep);
}

static void work(int number) {
  for (unsigned seen = 0; !atomic_load(&pool.stopping);) {
    wait_for_news(seen);
    atomic_fetch_add(&pool.inside, 1);
    seen = atomic_load(&pool.generation);
    if (seen % 2 == 1 && number <= pool.helpers) take_chunks(number);
    atomic_fetch_sub(&pool.inside, 1);
  }
}

THREAD_MAIN(worker_main) {
  work((int)(intptr_t)argument);
  return 0;
}

static void wake_all(void) {
  if (atomic_load(&pool.sleepers) == 0) return;
  mutex_lock(&pool.sleep);
  condition_broadcast(&pool.wake);
  mutex_unlock(&pool.sleep);
}

// Creates what is missing; where the system refuses, fewer work.
static void create_workers(int wanted) {
  if (pool.process != process_id()) { // first use, or a fork: its parent's workers are not here
    pool.workers = 0;
    pool.process = process_id();
    atomic_store(&pool.inside, 0);
    atomic_store(&pool.sleepers, 0);
    mutex_reset(&pool.sleep);
  }
  while (pool.workers < wanted) {
    if (!thread_create(&pool.handles[pool.workers], worker_main, (void *)(intptr_t)(pool.workers + 1))) break;
    pool.workers++;
  }
}

static void run_on_caller(int64_t count, int64_t grain, void (*body)(void *, int64_t, int64_t, int), void *context) {
  const bool outer = in_body;
  in_body = true;
  for (int64_t begin = 0; begin < count; begin += grain)
    body(context, begin, count - begin < grain ? count : begin + grain, 0);
  in_body = outer;
}

void parallel_for(int64_t count, int64_t grain, void (*body)(void *, int64_t, int64_t, int), void *context) {
  parallel_for_on(thread_count(), count, grain, body, context);
}

void parallel_for_on(int threads, int64_t count, int64_t grain, void (*body)(void *, int64_t, int64_t, int), void *context) {
  if (grain < 1) grain = 1;
  const int64_t chunks = (count + grain - 1) / grain;
  if (chunks <= 1 || threads == 1 || in_body || !mutex_try_lock(&pool.user)) {
    run_on_caller(count, grain, body, context);
    return;
  }
  const int helpers = (int)(chunks < threads ? chunks : threads) - 1;
  create_workers(helpers);
  pool.body = body, pool.context = context, pool.count = count, pool.grain = grain, pool.helpers = helpers;
  atomic_store(&pool.next, 0);
  atomic_fetch_add(&pool.generation, 1); // open
  wake_all();
  take_chunks(0);
  atomic_fetch_add(&pool.generation, 1); // closed
  for (int spins = 0; atomic_load(&pool.inside) > 0;)
    if (++spins < SPINS_BEFORE_YIELD) spin_pause();
    else thread_yield();
  mutex_unlock(&pool.user);
}

static int clamped(int count) { return count < 1 ? 1 : count > MAX_THREADS ? MAX_THREADS : count; }

int thread_count_default(void) {
  const char *asked = getenv("UNET_NATIVE_THREADS");
  if (asked && atoi(asked) > 0) return clamped(atoi(asked));
  const int processors = processor_count(), quota = processor_quota();
  return clamped(quota > 0 && quota < processors ? quota : processors);
}

int thread_count(void) {
  const int size = atomic_load(&pool.size);
  if (size > 0) return size;
  const int count = thread_count_default();
  int undecided = 0;
  return atomic_compare_exchange_strong(&pool.size, &undecided, count) ? count : undecided;
}

void thread_count_set(int count) { atomic_store(&pool.size, clamped(count)); }

#if !defined(_WIN32)
// At exit, and before the code is unmapped. On Windows the library stays loaded (thread_create sees to it).
__attribute__((destructor)) static void stop(void) {
  if (pool.workers == 0 || pool.process != process_id()) return;
  atomic_store(&pool.stopping, true);
  mutex_lock(&pool.sleep);
  condition_broadcast(&pool.wake);
  mutex_unlock(&pool.sleep);
  for (int i = 0; i < pool.workers; i++) thread_join(pool.handles[i]);
  pool.workers = 0;
}
#endif
