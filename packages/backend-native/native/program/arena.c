#include "arena.h"
#include <stdbool.h>
#include <stddef.h>
#include "../pages.h"

#if defined(__SANITIZE_ADDRESS__) // every program has an arena of its own size, so that a step beyond it shows
static bool fits(const Arena *arena, int64_t bytes) { return bytes == arena->bytes; }
static int64_t rounded(int64_t bytes) { return bytes; }
#else
static bool fits(const Arena *arena, int64_t bytes) { return bytes <= arena->bytes; }
static int64_t rounded(int64_t bytes) { return (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE; }
#endif

char *arena_reserve(Arena *arena, int64_t bytes) {
  if (fits(arena, bytes)) return arena->start;
  arena_free(arena);
  bytes = rounded(bytes);
  arena->start = pages_allocate(bytes);
  if (arena->start) arena->bytes = bytes;
  return arena->start;
}

void arena_free(Arena *arena) {
  if (arena->start) pages_free(arena->start);
  *arena = (Arena){0};
}
