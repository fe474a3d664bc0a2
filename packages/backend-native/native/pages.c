#if defined(__linux__)
#define _GNU_SOURCE
#include <sys/mman.h>
#endif
#include "pages.h"
#include <stdlib.h>

#if defined(_WIN32)
#include <malloc.h>
char *pages_allocate(int64_t bytes) { return _aligned_malloc((size_t)bytes, 64); }
void pages_free(char *start) { _aligned_free(start); }
#else
char *pages_allocate(int64_t bytes) {
  void *start = NULL;
  if (posix_memalign(&start, HUGE_PAGE, (size_t)bytes)) return NULL;
#if defined(__linux__)
  madvise(start, (size_t)bytes, MADV_HUGEPAGE); // where the system has none, that's all right
#endif
  return start;
}
void pages_free(char *start) { free(start); }
#endif
