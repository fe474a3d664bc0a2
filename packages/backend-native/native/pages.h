// Large blocks of memory, on huge pages where the system has any: fewer misses of the TLB.
#pragma once
#include <stdint.h>

enum { HUGE_PAGE = 1 << 21 };

// At the beginning of a huge page, whose rest should be used too; on Windows of a cache line. NULL where there is no more memory.
char *pages_allocate(int64_t bytes);
void pages_free(char *start);
