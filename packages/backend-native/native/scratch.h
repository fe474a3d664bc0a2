// Memory for one call, aligned to cache lines.
#pragma once
#include <stdint.h>
#include <stdlib.h>

#define CACHE_LINE 64

// NULL where there is no more memory.
static inline void *scratch_allocate(size_t bytes) {
  char *block = malloc(bytes + CACHE_LINE + sizeof(void *));
  if (!block) return NULL;
  char *start = (char *)(((uintptr_t)block + sizeof(void *) + CACHE_LINE - 1) & ~(uintptr_t)(CACHE_LINE - 1));
  ((void **)start)[-1] = block;
  return start;
}

static inline float *scratch_floats(int64_t count) { return scratch_allocate((size_t)count * sizeof(float)); }

static inline void scratch_free(void *start) {
  if (start) free(((void **)start)[-1]);
}
