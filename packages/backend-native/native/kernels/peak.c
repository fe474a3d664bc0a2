// What a machine reaches at most, so that a speed can be stated as a share of it.
#include "../threads.h"
#include "kernels.h"

// Independent sums: enough to hide the latency of a multiply-add in every unit, few enough for the registers.
#if defined(__AVX512F__) || defined(NEON)
#define CHAINS 24
#else
#define CHAINS 12
#endif

typedef struct {
  int64_t steps;
  float results[MAX_THREADS];
} Chains;

static void run_chains(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  Chains *chains = context;
  const vf a = v_set(0.999f), b = v_set(0.001f);
  for (int64_t i = begin; i < end; i++) {
    vf sums[CHAINS];
    for (int c = 0; c < CHAINS; c++) sums[c] = v_set(0.1f * (float)c);
    for (int64_t step = 0; step < chains->steps; step++) {
      UNROLL(CHAINS)
      for (int c = 0; c < CHAINS; c++) sums[c] = v_fma(sums[c], a, b);
    }
    for (int c = 1; c < CHAINS; c++) sums[0] += sums[c];
    chains->results[i] = v_sum(sums[0]);
  }
}

double KERNEL(multiply_adds)(int64_t steps) {
  const int threads = thread_count();
  Chains chains = {.steps = steps};
  parallel_for_on(threads, threads, 1, run_chains, &chains);
  return 2.0 * VL * CHAINS * (double)steps * threads;
}

typedef struct {
  const float *x;
  float *y;
} Copy;

static void copy_chunk(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  const Copy *copy = context;
  const float *x = copy->x;
  float *y = copy->y;
  int64_t i = begin;
  for (; i < end && (uintptr_t)(y + i) % sizeof(vf) != 0; i++) y[i] = x[i];
  for (; i + VL <= end; i += VL) v_stream(y + i, v_load(x + i));
  for (; i < end; i++) y[i] = x[i];
  stream_end();
}

void KERNEL(stream_copy)(const float *x, float *y, int64_t count) {
  parallel_for(count, 1 << 18, copy_chunk, &(Copy){x, y});
}
