// Output channels are worked on in panels of blocks: each input value that is loaded then feeds as many multiply-adds. Where
// registers are long two blocks make a panel, and three where one would be left over.
#pragma once
#include "stream.h"

#define PANEL_BLOCKS (VL == 16 ? 2 : 1)
#define PANEL_MOST (VL == 16 ? 3 : 1)
#define PANEL_VECTORS (PANEL_MOST * VECTORS)

INLINE int64_t panel_count(int64_t blocks) { return blocks < PANEL_BLOCKS ? 1 : blocks / PANEL_BLOCKS; }
INLINE int64_t panel_first(int64_t panel) { return panel * PANEL_BLOCKS; }
INLINE int panel_blocks(int64_t blocks, int64_t panel) {
  return (int)(panel + 1 < panel_count(blocks) ? PANEL_BLOCKS : blocks - panel_first(panel));
}

INLINE int panel_widest(int64_t blocks) { return panel_blocks(blocks, panel_count(blocks) - 1); }

// Pixels, or tiles, by a panel's vectors: what fits the registers beside a row of weights.
#if VL == 16
#define PANEL_ROWS 8
#elif VL == 8 || defined(NEON)
#define PANEL_ROWS 6
#else
#define PANEL_ROWS 2
#endif
