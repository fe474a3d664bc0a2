// Output channels are worked on in panels of one to WIDEST_PANEL vectors: as wide as divides their number, because each
// broadcast of an input value then feeds more multiply-adds; else two wide, and a vector that is left over makes the last
// panel three wide, or is one of its own where there are not enough registers.
#pragma once
#include "isa.h"

#if VL == 16 || defined(NEON) // 32 registers
#define WIDEST_PANEL 4
#else
#define WIDEST_PANEL 2
#endif

typedef struct {
  int64_t vectors, count, width; // vectors of all panels; panels; vectors of each but the last
} Panels;

INLINE Panels panels_of(int64_t channels, int widest) {
  Panels p = {.vectors = (channels + VL - 1) / VL, .width = 2};
  if (p.vectors == 1) p.width = 1;
  else if (widest >= 4 && p.vectors % 4 == 0) p.width = 4;
  else if (widest >= 3 && p.vectors % 3 == 0) p.width = 3;
  p.count = p.vectors / p.width + (widest < 3 && p.vectors % p.width != 0);
  return p;
}

// The first channel of panel i, and its vectors.
INLINE int64_t panel_channel(const Panels *p, int64_t i) { return i * p->width * VL; }
INLINE int64_t panel_vectors(const Panels *p, int64_t i) { return i + 1 < p->count ? p->width : p->vectors - i * p->width; }

INLINE int64_t round_up(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }
INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
INLINE int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
