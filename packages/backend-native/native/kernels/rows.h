// Walks a Broadcast's rows (its innermost dimension), cut into pieces, on all threads.
#pragma once
#include "../threads.h"
#include "kernels.h"

enum { ROW_GRAIN = 1 << 14 }; // elements, a multiple of every vector's length

// One piece of a row: elements [at, at + count) of y, in row-major order; a and b are offsets of its first elements.
typedef void (*RowBody)(const void *context, int64_t a, int64_t b, int64_t at, int64_t count);

typedef struct {
  const Broadcast *shape;
  RowBody body;
  const void *context;
  int64_t pieces; // in each row
} Rows;

static inline void rows_chunk(void *context, int64_t begin, int64_t end, int thread) {
  (void)thread;
  const Rows *rows = context;
  const Broadcast *s = rows->shape;
  const int last = s->rank - 1;
  const int64_t width = s->sizes[last];
  // The index of the first row, then counted up: a division for each row would cost more than short rows themselves.
  int64_t index[MAX_RANK] = {0}, a = 0, b = 0, row = begin / rows->pieces;
  for (int d = last - 1; d >= 0; d--) {
    index[d] = row % s->sizes[d];
    row /= s->sizes[d];
    a += index[d] * s->a[d];
    b += index[d] * s->b[d];
  }
  for (int64_t unit = begin; unit < end; unit++) {
    const int64_t piece = unit % rows->pieces;
    const int64_t from = piece * ROW_GRAIN;
    const int64_t count = from + ROW_GRAIN < width ? ROW_GRAIN : width - from;
    rows->body(rows->context, a + from * s->a[last], b + from * s->b[last], unit / rows->pieces * width + from, count);
    if (piece + 1 < rows->pieces) continue;
    for (int d = last - 1; d >= 0; d--) {
      a += s->a[d];
      b += s->b[d];
      if (++index[d] < s->sizes[d]) break;
      a -= s->sizes[d] * s->a[d];
      b -= s->sizes[d] * s->b[d];
      index[d] = 0;
    }
  }
}

static inline void for_rows(const Broadcast *shape, RowBody body, const void *context) {
  const int64_t width = shape->sizes[shape->rank - 1];
  int64_t count = 1;
  for (int d = 0; d < shape->rank - 1; d++) count *= shape->sizes[d];
  if (count == 0 || width == 0) return;
  Rows rows = {shape, body, context, (width + ROW_GRAIN - 1) / ROW_GRAIN};
  parallel_for(count * rows.pieces, width < ROW_GRAIN ? ROW_GRAIN / width : 1, rows_chunk, &rows);
}
