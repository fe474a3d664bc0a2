// Reductions: pieces of all chunks go in, each rank reduces its own chunk, and takes the others out.
#include "steps.h"
#include <string.h>

#define BLOCK 16384 /* bytes that are reduced at a time, so that they stay near */

// Rank r's chunk (of what is reduced) begins at sent[r] = received[r]: whole elements, the first chunks one longer.
static void chunks(Operation *o) {
  const size_t unit = wire_bytes(o->type), elements = o->bytes / unit, size = (size_t)o->segment->size;
  for (size_t c = 0; c <= size; c++) o->sent[c] = (elements / size * c + smaller(c, elements % size)) * unit;
}

static Part chunk_part(const Operation *o, int c, uint32_t j) { return part_of(o->sent[c], o->sent[c + 1], j, o->segment->piece); }

// Other ranks' chunks, to where they find them.
static bool put_in(Operation *o, uint32_t j) {
  Segment *s = o->segment;
  const uint64_t k = o->base + j;
  if (!segment_await_all(s, REDUCED, k + 1 - SLOTS)) return false; // they have read what was there
  for (int step = 1; step < s->size; step++) {
    const int c = (s->rank + step) % s->size;
    const Part part = chunk_part(o, c, j);
    copy(piece_of(s, s->rank, k, c), o->input + part.at, part.bytes);
  }
  segment_count(s, IN, k + 1);
  return true;
}

// Where the parts of this rank's chunk are found in round k, from `at` on.
typedef struct {
  const Operation *operation;
  uint64_t k;
  const uint8_t *own;
  size_t at, bytes;
} Block;

static const uint8_t *part_from(const Block *b, int rank) {
  const Segment *s = b->operation->segment;
  return rank == s->rank ? b->own : piece_of(s, rank, b->k, s->rank) + b->at;
}

static void add(const Block *b, uint8_t *target, const uint8_t *x, const uint8_t *y) {
  reduce(target, x, y, b->bytes, b->operation->type, b->operation->op);
}

// c + 1, c + 2, … c, for this rank's chunk c.
static void reduce_ring(const Block *b, uint8_t *target) {
  const int size = b->operation->segment->size, c = b->operation->segment->rank;
  const uint8_t *so_far = part_from(b, (c + 1) % size);
  for (int i = 2; i <= size; i++) {
    add(b, target, so_far, part_from(b, (c + i) % size));
    so_far = target;
  }
}

// Pairs at distance size/2 first, then size/4, … 1: of the ranks first, first + step, first + 2·step, …
static void reduce_tree(const Block *b, uint8_t *target, int first, int step) {
  if (2 * step == b->operation->segment->size) return add(b, target, part_from(b, first), part_from(b, first + step));
  uint8_t other[BLOCK / 8];
  reduce_tree(b, target, first, 2 * step);
  reduce_tree(b, other, first + step, 2 * step);
  add(b, target, target, other);
}

// This rank's chunk, to the output and to where the others find it.
static bool reduce_own(Operation *o, uint32_t j) {
  Segment *s = o->segment;
  const uint64_t k = o->base + j;
  // Who has put round k in has taken out round k − 3 before: the result's place is free.
  _Static_assert(SLOTS >= 3, "see step_allreduce");
  if (!segment_await_all(s, IN, k + 1)) return false;
  const Part part = chunk_part(o, s->rank, j);
  uint8_t *result = piece_of(s, s->rank, k, s->rank);
  const size_t block = o->tree ? BLOCK / 8 : BLOCK;
  for (size_t at = 0; at < part.bytes; at += block) {
    const Block b = {o, k, o->input + part.at + at, at, smaller(block, part.bytes - at)};
    if (o->tree) reduce_tree(&b, result + at, 0, 1);
    else reduce_ring(&b, result + at);
    memcpy(o->output + part.at + at, result + at, b.bytes);
  }
  segment_count(s, REDUCED, k + 1);
  return true;
}

static bool take_out(Operation *o, uint32_t j) {
  Segment *s = o->segment;
  const uint64_t k = o->base + j;
  if (!segment_await_all(s, REDUCED, k + 1)) return false;
  for (int step = 1; step < s->size; step++) {
    const int c = (s->rank + step) % s->size;
    const Part part = chunk_part(o, c, j);
    copy(o->output + part.at, piece_of(s, c, k, c), part.bytes);
  }
  segment_count(s, OUT, k + 1);
  return true;
}

// Each round is reduced one turn after it was put in, and taken out one turn later: then nobody waits for the slowest.
static bool step_allreduce(Operation *o, uint32_t i) {
  const uint32_t turn = i / 3, rounds = o->steps / 3 - 2;
  switch (i % 3) {
    case 0: return turn >= rounds || put_in(o, turn);
    case 1: return turn < 1 || turn > rounds || reduce_own(o, turn - 1);
    default: return turn < 2 || take_out(o, turn - 2);
  }
}

void begin_allreduce(Operation *o, const void *input, void *output, size_t bytes, WireType type, Reduction op, bool tree) {
  o->input = input, o->output = output, o->bytes = bytes, o->type = type, o->op = op, o->tree = tree;
  chunks(o);
  begin(o, step_allreduce, rounds_for(o->sent[1], o->segment->piece)); // the first chunk is the longest
  o->steps = o->steps > 0 ? 3 * (o->steps + 2) : 0;
}
