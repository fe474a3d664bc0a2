#include "scratch.h"
#include <stdlib.h>
#include "pages.h"
#include "threads_system.h"

#if defined(__SANITIZE_ADDRESS__) // each block of its own size, so that a step beyond it shows
enum { LARGE = INT32_MAX };
#else
enum { LARGE = 1 << 18 };
#endif
enum { MOST_KEPT = 16, MOST_KEPT_BYTES = 128 << 20 };

// Lies before what the caller gets, in a cache line of its own.
typedef struct Header {
  size_t bytes; // of the whole block
  void *start;
  struct Header *next; // of the kept ones
} Header;

// Kept blocks, the one that was used last in front.
static struct {
  Mutex mutex;
  Header *first;
} kept = {.mutex = MUTEX_INITIAL};

// The smallest that is large enough, and not so large that another would miss it.
static Header *take_kept(size_t bytes) {
  Header **best = NULL;
  mutex_lock(&kept.mutex);
  for (Header **link = &kept.first; *link; link = &(*link)->next)
    if ((*link)->bytes >= bytes && (*link)->bytes / 4 <= bytes && (!best || (*link)->bytes < (*best)->bytes)) best = link;
  Header *header = best ? *best : NULL;
  if (best) *best = header->next;
  mutex_unlock(&kept.mutex);
  return header;
}

// Where that makes too many, those that waited longest go.
static void keep(Header *header) {
  mutex_lock(&kept.mutex);
  header->next = kept.first;
  kept.first = header;
  size_t bytes = header->bytes;
  Header *last = header;
  for (int count = 1; last->next && count < MOST_KEPT && bytes + last->next->bytes <= MOST_KEPT_BYTES; count++) {
    last = last->next;
    bytes += last->bytes;
  }
  Header *gone = last->next;
  last->next = NULL;
  mutex_unlock(&kept.mutex);
  while (gone) {
    Header *next = gone->next;
    pages_free(gone->start);
    gone = next;
  }
}

static Header *allocate(size_t bytes) {
  const bool large = bytes >= LARGE;
  if (large) bytes = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
  char *start = large ? pages_allocate((int64_t)bytes) : malloc(bytes + CACHE_LINE);
  if (!start) return NULL;
  Header *header = (Header *)(((uintptr_t)start + CACHE_LINE - 1) & ~(uintptr_t)(CACHE_LINE - 1));
  *header = (Header){bytes, start, NULL};
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
  else keep(header);
}
