// The memory between the instructions of a program: one block that grows, and whose contents last for one run.
#pragma once
#include <stdint.h>

typedef struct {
  char *start; // of a cache line; of a huge page where there are any
  int64_t bytes;
} Arena;

// At least that many bytes, whatever was in them; NULL where there is not so much memory.
char *arena_reserve(Arena *arena, int64_t bytes);
void arena_free(Arena *arena);
