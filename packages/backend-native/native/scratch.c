#include "scratch.h"
#include <stdlib.h>
#include "pages.h"
#include "threads_system.h"

#if defined(__SANITIZE_ADDRESS__) // each block of its own size, so that a step beyond it shows
enum { LARGE = INT32_MAX };
#else
enum { LARGE = 1 << 18 };
#endif
enum { MOST_KEPT = 16, MOST_KEPT_BYTES = 64 << 20 };

// Lies before what the caller gets, in a cache line of its own.
typedef struct {
  size_t bytes; // of the whole block
  void *start;
} Header;

static struct {
  Mutex mutex;
  Header *blocks[MOST_KEPT];
  int count;
  size_t bytes;
} kept = {.mutex = MUTEX_INITIAL};

// The smallest that is large enough, and not so large that another would miss it.
static Header *take_kept(size_t bytes) {
  int best = -1;
  mutex_lock(&kept.mutex);
  for (int i = 0; i < kept.count; i++)
    if (kept.blocks[i]->bytes >= bytes && kept.blocks[i]->bytes / 4 <= bytes && (best < 0 || kept.blocks[i]->bytes < kept.blocks[best]->bytes))
      best = i;
  Header *header = NULL;
  if (best >= 0) {
    header = kept.blocks[best];
    kept.blocks[best] = kept.blocks[--kept.count];
    kept.bytes -= header->bytes;
  }
  mutex_unlock(&kept.mutex);
  return header;
}

static bool keep(Header *header) {
  mutex_lock(&kept.mutex);
  const bool room = kept.count < MOST_KEPT && kept.bytes + header->bytes <= MOST_KEPT_BYTES;
  if (room) {
    kept.blocks[kept.count++] = header;
    kept.bytes += header->bytes;
  }
  mutex_unlock(&kept.mutex);
  return room;
}

static Header *allocate(size_t bytes) {
  const bool large = bytes >= LARGE;
  if (large) bytes = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
  char *start = large ? pages_allocate((int64_t)bytes) : malloc(bytes + CACHE_LINE);
  if (!start) return NULL;
  Header *header = (Header *)(((uintptr_t)start + CACHE_LINE - 1) & ~(uintptr_t)(CACHE_LINE - 1));
  *header = (Header){bytes, start};
  return header;
}

void *scratch_allocate(size_t bytes) {
  if (bytes > SIZE_MAX - 2 * (size_t)HUGE_PAGE) return NULL;
  bytes += CACHE_LINE; // the header
  Header *header = bytes >= LARGE ? take_kept(bytes) : NULL;
  if (!header) header = allocate(bytes);
  return header ? (char *)header + CACHE_LINE : NULL;
}

void scratch_free(void *start) {
  if (!start) return;
  Header *header = (Header *)((char *)start - CACHE_LINE);
  if (header->bytes < LARGE) free(header->start);
  else if (!keep(header)) pages_free(header->start);
}
