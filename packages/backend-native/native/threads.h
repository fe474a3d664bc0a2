// The one thread pool. Work is cut into chunks whose borders do not depend on the number of threads, so that results
// have the same bits for any number of them.
#pragma once
#include <stdint.h>

#define MAX_THREADS 256

// Calls body(context, begin, end, thread) so that the ranges cover [0, count) once; each begins at a multiple of `grain`
// and is at most `grain` long. `thread` is in [0, thread_count()): two calls at the same time never have the same.
// Blocks until all is done; the caller works, too. It runs on the caller alone where there is one chunk, inside another
// parallel_for, and while another thread of the process has the pool.
void parallel_for(int64_t count, int64_t grain, void (*body)(void *context, int64_t begin, int64_t end, int thread),
                  void *context);

// The same on at most `threads` threads, for a caller that has set aside memory for as many.
void parallel_for_on(int threads, int64_t count, int64_t grain,
                     void (*body)(void *context, int64_t begin, int64_t end, int thread), void *context);

// May change at any time: another thread of the process may set it.
int thread_count(void);
// 1 to MAX_THREADS; other values are clamped.
void thread_count_set(int count);
// What this process may use: cgroup limits, affinity, hardware; UNET_NATIVE_THREADS overrides.
int thread_count_default(void);
