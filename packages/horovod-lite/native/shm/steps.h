// What reductions.c and moves.c share: how an operation is cut into rounds.
#pragma once
#include "collectives.h"
#include <string.h>

static inline size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

// The part of a stretch of memory that round i moves, by pieces of `most` bytes.
typedef struct { size_t at, bytes; } Part;
static inline Part part_of(size_t start, size_t end, uint32_t i, size_t most) {
  const size_t at = smaller(start + i * most, end);
  return (Part){at, smaller(most, end - at)};
}

static inline uint32_t rounds_for(size_t bytes, size_t piece) { return (uint32_t)((bytes + piece - 1) / piece); }

static inline void copy(void *target, const void *source, size_t bytes) {
  if (bytes > 0) memcpy(target, source, bytes); // nothing may have no address
}

// The operation's first step is next; its rounds are taken.
void begin(Operation *o, bool (*step)(Operation *, uint32_t), uint32_t rounds);
