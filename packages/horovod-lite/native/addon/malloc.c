// glibc gives large blocks back to the system when they are freed, and new pages take longer to get than gradients to
// reduce (7.4 MB: 2 ms). Arrays of that size come and go with every step, so they are kept for the next one.
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>

__attribute__((constructor)) static void keep_freed_memory(void) {
  if (getenv("GLIBC_TUNABLES") || getenv("MALLOC_MMAP_THRESHOLD_") || getenv("MALLOC_TRIM_THRESHOLD_")) return;
  mallopt(M_MMAP_THRESHOLD, 32 << 20);  // the most that glibc takes
  mallopt(M_TRIM_THRESHOLD, 256 << 20);
}
#endif
