// The most multiply-adds that one core does: independent chains of them in registers. Prints GFLOP/s.
#include <stdio.h>
#include <time.h>

#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX2__)
#define LANES 8
#else
#define LANES 4
#endif
#define CHAINS 12

typedef float Vector __attribute__((vector_size(LANES * 4)));

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(void) {
  const long steps = 2000000;
  Vector sums[CHAINS], a = (Vector){} + 0.999f, b = (Vector){} + 0.001f;
  for (int i = 0; i < CHAINS; i++) sums[i] = (Vector){} + 0.1f * (float)i;
  double best = 0;
  for (int run = 0; run < 20; run++) {
    const double start = seconds();
    for (long step = 0; step < steps; step++) {
#pragma unroll
      for (int i = 0; i < CHAINS; i++) sums[i] = sums[i] * a + b;
    }
    const double rate = 2.0 * LANES * CHAINS * (double)steps / (seconds() - start) / 1e9;
    if (rate > best) best = rate;
  }
  float total = 0;
  for (int i = 0; i < CHAINS; i++) total += sums[i][0];
  printf("%.1f\n", total > -1 ? best : 0);
}
