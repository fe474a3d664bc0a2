// Memory for one call, aligned to cache lines. Large blocks are kept for the next call that wants one: a kernel runs many
// times, and the system would clear every page of a new block.
#pragma once
#include <stdint.h>
#include <stddef.h>

#define CACHE_LINE 64

// NULL where there is no more memory. What is in it is what its last user left.
void *scratch_allocate(size_t bytes);
void scratch_free(void *start);

static inline float *scratch_floats(int64_t count) { return scratch_allocate((size_t)count * sizeof(float)); }
