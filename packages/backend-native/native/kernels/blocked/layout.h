// The blocked layout, in which convolutions work: [n][c/16][H+2][W+2][16], where H and W are height and width rounded up to
// multiples of 4. Whatever is no pixel (the border, the rounding) is zero, so that no loop knows edges. Whoever writes a
// tensor writes its zeros, too: memory is used again and holds anything. A pixel's 16 channels are one cache line.
//
// H + 2 and W + 2 are 2 more than multiples of 4, so a block is 4·odd lines and the blocks of a tensor do not fall on the
// same sets of a cache: no padding between them is needed.
#pragma once
#include <stdint.h>
#include <string.h>

enum { BLOCK = 16, BLOCK_TILE = 4 }; // channels of a block; what height and width are rounded to

typedef struct {
  int batch, height, width, channels; // each at least 1; channels a multiple of BLOCK
} BlockedShape;

static inline int64_t blocked_rounded(int size) { return ((int64_t)size + BLOCK_TILE - 1) / BLOCK_TILE * BLOCK_TILE; }
static inline int blocked_blocks(BlockedShape s) { return s.channels / BLOCK; }

// In floats: from a pixel to the one below it, from a block of channels to the next, from an image to the next. One to the
// right it is BLOCK.
static inline int64_t blocked_row_stride(BlockedShape s) { return (blocked_rounded(s.width) + 2) * BLOCK; }
static inline int64_t blocked_block_stride(BlockedShape s) { return (blocked_rounded(s.height) + 2) * blocked_row_stride(s); }
static inline int64_t blocked_image_stride(BlockedShape s) { return blocked_blocks(s) * blocked_block_stride(s); }
static inline int64_t blocked_floats(BlockedShape s) { return s.batch * blocked_image_stride(s); }

// Bytes of a tensor, or INT64_MAX where there is no such shape (so that no memory is ever enough for it).
static inline int64_t blocked_bytes(BlockedShape s) {
  if (s.batch < 1 || s.height < 1 || s.width < 1 || s.channels < 1 || s.channels % BLOCK != 0) return INT64_MAX;
  const double floats = (double)s.batch * s.channels * (s.height + 5.0) * (s.width + 5.0); // no less than there are
  return floats < 0x1p50 ? blocked_floats(s) * (int64_t)sizeof(float) : INT64_MAX;
}

// Where the 16 channels of pixel (row, column) of one block of one image are, in floats from the tensor's first. Rows and
// columns count from 0; −1 and H (or W) are the border.
static inline int64_t blocked_offset(BlockedShape s, int64_t image, int64_t block, int64_t row, int64_t column) {
  return image * blocked_image_stride(s) + block * blocked_block_stride(s) + (row + 1) * blocked_row_stride(s) + (column + 1) * BLOCK;
}

// Writes the zeros of one block of one image: all but its height·width pixels. `plane` is the border's first pixel.
static inline void blocked_clear_plane(float *plane, BlockedShape s) {
  const int64_t rows = blocked_rounded(s.height), columns = blocked_rounded(s.width), stride = blocked_row_stride(s);
  const size_t pixel = BLOCK * sizeof(float), row = (size_t)(columns + 2) * pixel, right = (size_t)(columns + 1 - s.width) * pixel;
  memset(plane, 0, row);
  for (int64_t y = 1; y <= s.height; y++) {
    memset(plane + y * stride, 0, pixel);
    memset(plane + y * stride + (s.width + 1) * BLOCK, 0, right);
  }
  for (int64_t y = s.height + 1; y <= rows + 1; y++) memset(plane + y * stride, 0, row);
}

static inline void blocked_clear_edges(float *tensor, BlockedShape s, int64_t image, int64_t block) {
  blocked_clear_plane(tensor + blocked_offset(s, image, block, -1, -1), s);
}
