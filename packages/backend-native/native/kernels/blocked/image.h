// What convolves an image of few channels with 3x3 filters, strip by strip of a row: a copy of the three rows that a strip's
// windows see, with zeros for what lies outside, so that no loop knows edges.
#pragma once
#include "../isa.h"
#include "layout.h"

enum { STRIP = 512 /* pixels */, MAX_DEPTH = 4 /* channels of the image */ };

typedef float ImageWindow[3][(STRIP + 2) * MAX_DEPTH];

// Rows y − 1 to y + 1 and columns x − 1 to x + pixels of an image [height][width][depth].
static inline void window_of(const float *image, BlockedShape s, int depth, int64_t y, int64_t x, int64_t pixels, ImageWindow window) {
  const int64_t left = x == 0, right = x + pixels == s.width;
  for (int64_t row = y - 1; row <= y + 1; row++) {
    float *to = window[row - y + 1];
    const size_t size = (size_t)((pixels + 2) * depth) * sizeof(float), pixel = (size_t)depth * sizeof(float);
    if (row < 0 || row >= s.height) {
      memset(to, 0, size);
      continue;
    }
    if (left) memset(to, 0, pixel);
    if (right) memset(to + (pixels + 1) * depth, 0, pixel);
    memcpy(to + left * depth, image + (row * s.width + x - 1 + left) * depth, size - (size_t)(left + right) * pixel);
  }
}
