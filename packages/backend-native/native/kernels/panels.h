// Output channels are worked on in panels of two vectors, the widest that a register tile has with enough pixels. An odd
// vector at the end makes the last panel three wide where there are registers for it (32 of them), else one.
#pragma once
#include "isa.h"

#if VL == 16 || defined(NEON)
#define WIDEST_PANEL 3
#else
#define WIDEST_PANEL 2
#endif

INLINE int64_t panel_count(int64_t vectors) { return vectors < 3 ? 1 : (vectors + 3 - WIDEST_PANEL) / 2; }
// Of panel i, which begins at vector 2·i.
INLINE int panel_vectors(int64_t i, int64_t vectors) { return i + 1 < panel_count(vectors) ? 2 : (int)(vectors - 2 * i); }

INLINE int64_t round_up(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }
INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
INLINE int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
