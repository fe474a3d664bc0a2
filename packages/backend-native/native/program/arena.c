#if defined(__linux__)
#define _GNU_SOURCE
#include <sys/mman.h>
#endif
#include "arena.h"
#include <stdbool.h>
#include <stdlib.h>

enum { HUGE_PAGE = 1 << 21 };

#if defined(_WIN32)
#include <malloc.h>
static char *allocate(int64_t bytes) { return _aligned_malloc((size_t)bytes, 64); }
static void release(char *start) { _aligned_free(start); }
#else
static char *allocate(int64_t bytes) {
  void *start = NULL;
  if (posix_memalign(&start, HUGE_PAGE, (size_t)bytes)) return NULL;
#if defined(__linux__)
  madvise(start, (size_t)bytes, MADV_HUGEPAGE); // fewer misses of the TLB; where the system has none, that's all right
#endif
  return start;
}
static void release(char *start) { free(start); }
#endif

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
  arena->start = allocate(bytes);
  if (arena->start) arena->bytes = bytes;
  return arena->start;
}

void arena_free(Arena *arena) {
  if (arena->start) release(arena->start);
  *arena = (Arena){0};
}
