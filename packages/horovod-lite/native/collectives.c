#include "collectives.h"
#include <string.h>

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

// The part of a block of `bytes` that round `i` moves: where it begins, and how long it is.
typedef struct { size_t at, bytes; } Part;
static Part part_of(size_t bytes, uint64_t i) {
  const size_t at = smaller(bytes, (size_t)i * PIECE);
  return (Part){at, smaller(PIECE, bytes - at)};
}

static uint64_t rounds_for(size_t bytes) { return (bytes + PIECE - 1) / PIECE; }

// Chunk c of `bytes` in whole elements, the first ones one longer.
static size_t chunk_start(size_t elements, int size, int c) {
  const size_t rest = elements % (size_t)size;
  return elements / (size_t)size * (size_t)c + smaller((size_t)c, rest);
}

typedef struct {
  Segment *segment;
  uint64_t k;
  size_t bytes;
  WireType type;
  Reduction op;
  const uint8_t *own; // this rank's input of its chunk
} Sum;

static const uint8_t *input_of(const Sum *sum, int rank) {
  Segment *s = sum->segment;
  return rank == s->rank ? sum->own : segment_input(s, rank, sum->k, s->rank);
}

// c + 1, c + 2, … c, for this rank's chunk c.
static void reduce_ring(const Sum *sum, uint8_t *target) {
  const int size = sum->segment->size, c = sum->segment->rank;
  const uint8_t *so_far = input_of(sum, (c + 1) % size);
  for (int i = 2; i <= size; i++) {
    reduce(target, so_far, input_of(sum, (c + i) % size), sum->bytes, sum->type, sum->op);
    so_far = target;
  }
}

// Pairs at distance size/2 first, then size/4, … 1: the ranks first, first + step, first + 2·step, …
static void reduce_tree(const Sum *sum, uint8_t *target, int first, int step, uint8_t *scratch) {
  const int size = sum->segment->size;
  if (2 * step == size) {
    reduce(target, input_of(sum, first), input_of(sum, first + step), sum->bytes, sum->type, sum->op);
    return;
  }
  reduce_tree(sum, target, first, 2 * step, scratch);
  reduce_tree(sum, scratch, first + step, 2 * step, scratch + sum->bytes);
  reduce(target, target, scratch, sum->bytes, sum->type, sum->op);
}

bool shm_allreduce(Segment *s, const uint8_t *input, uint8_t *output, size_t bytes, WireType type, Reduction op, bool tree) {
  const size_t unit = wire_bytes(type), elements = bytes / unit;
  size_t start[MAX_RANKS + 1];
  for (int c = 0; c <= s->size; c++) start[c] = chunk_start(elements, s->size, c) * unit;
  const uint64_t rounds = rounds_for(start[1]), base = s->round; // the first chunk is the longest
  static _Thread_local uint8_t scratch[2 * PIECE];
  const int me = s->rank;

  // One round later than it is reduced a round is taken out, so that nobody waits for the slowest twice.
  for (uint64_t i = 0; i <= rounds; i++) {
    const uint64_t k = base + i;
    if (i < rounds) {
      if (k >= 2 && !segment_await_all(s, REDUCED, k - 1)) return false; // round k − 2's inputs have been read
      for (int step = 1; step < s->size; step++) {
        const int c = (me + step) % s->size;
        const Part part = part_of(start[c + 1] - start[c], i);
        memcpy(segment_input(s, me, k, c), input + start[c] + part.at, part.bytes);
      }
      segment_count(s, IN, k + 1);
      const Part part = part_of(start[me + 1] - start[me], i);
      const Sum sum = {s, k, part.bytes, type, op, input + start[me] + part.at};
      if (!segment_await_all(s, IN, k + 1)) return false;
      if (k >= 2 && !segment_await_all(s, OUT, k - 1)) return false; // round k − 2's results have been taken
      uint8_t *result = segment_result(s, me, k);
      if (tree) reduce_tree(&sum, result, 0, 1, scratch);
      else reduce_ring(&sum, result);
      segment_count(s, REDUCED, k + 1);
      memcpy(output + start[me] + part.at, result, part.bytes);
    }
    if (i > 0) {
      for (int step = 1; step < s->size; step++) {
        const int c = (me + step) % s->size;
        const Part part = part_of(start[c + 1] - start[c], i - 1);
        if (!segment_await(s, c, REDUCED, k)) return false;
        memcpy(output + start[c] + part.at, segment_result(s, c, k - 1), part.bytes);
      }
      segment_count(s, OUT, k);
    }
  }
  s->round = base + rounds;
  return true;
}

// A round of an operation that reduces nothing: what others have read may be written again after it.
static void count_all(Segment *s, uint64_t rounds) {
  segment_count(s, IN, rounds);
  segment_count(s, REDUCED, rounds);
  segment_count(s, OUT, rounds);
}

bool shm_broadcast(Segment *s, uint8_t *data, size_t bytes, int root) {
  const uint64_t rounds = rounds_for(bytes), base = s->round;
  for (uint64_t i = 0; i < rounds; i++) {
    const uint64_t k = base + i;
    const Part part = part_of(bytes, i);
    if (s->rank == root) {
      if (k >= 2 && !segment_await_all(s, OUT, k - 1)) return false;
      memcpy(segment_result(s, root, k), data + part.at, part.bytes);
    } else {
      if (!segment_await(s, root, REDUCED, k + 1)) return false;
      memcpy(data + part.at, segment_result(s, root, k), part.bytes);
    }
    count_all(s, k + 1);
  }
  s->round = base + rounds;
  return true;
}

bool shm_allgather(Segment *s, const uint8_t *input, uint8_t *output, const double *counts) {
  size_t longest = 0, start[MAX_RANKS + 1] = {0};
  for (int r = 0; r < s->size; r++) {
    start[r + 1] = start[r] + (size_t)counts[r];
    if ((size_t)counts[r] > longest) longest = (size_t)counts[r];
  }
  const uint64_t rounds = rounds_for(longest), base = s->round;
  for (uint64_t i = 0; i < rounds; i++) {
    const uint64_t k = base + i;
    if (k >= 2 && !segment_await_all(s, OUT, k - 1)) return false;
    const Part own = part_of((size_t)counts[s->rank], i);
    memcpy(segment_result(s, s->rank, k), input + own.at, own.bytes);
    segment_count(s, IN, k + 1);
    segment_count(s, REDUCED, k + 1);
    for (int step = 0; step < s->size; step++) {
      const int r = (s->rank + step) % s->size;
      const Part part = part_of((size_t)counts[r], i);
      if (r != s->rank && !segment_await(s, r, REDUCED, k + 1)) return false;
      memcpy(output + start[r] + part.at, segment_result(s, r, k), part.bytes);
    }
    segment_count(s, OUT, k + 1);
  }
  s->round = base + rounds;
  return true;
}

// What the largest of all ranks' numbers is: a round of its own.
static bool largest_number(Segment *s, uint64_t own, uint64_t *largest) {
  const uint64_t k = s->round;
  atomic_store_explicit(&s->header->counters[s->rank].number, own, memory_order_relaxed);
  segment_count(s, IN, k + 1);
  if (!segment_await_all(s, IN, k + 1)) return false;
  *largest = 0;
  for (int r = 0; r < s->size; r++) {
    const uint64_t number = atomic_load_explicit(&s->header->counters[r].number, memory_order_relaxed);
    if (number > *largest) *largest = number;
  }
  segment_count(s, REDUCED, k + 1);
  segment_count(s, OUT, k + 1);
  s->round = k + 1;
  return segment_await_all(s, OUT, k + 1); // the numbers may change again
}

bool shm_alltoall(Segment *s, const uint8_t *input, const double *send, uint8_t *output, const double *receive) {
  size_t out[MAX_RANKS + 1] = {0}, in[MAX_RANKS + 1] = {0};
  uint64_t longest = 0;
  for (int r = 0; r < s->size; r++) {
    out[r + 1] = out[r] + (size_t)send[r];
    in[r + 1] = in[r] + (size_t)receive[r];
    if ((uint64_t)send[r] > longest) longest = (uint64_t)send[r];
  }
  if (!largest_number(s, longest, &longest)) return false;
  const uint64_t rounds = rounds_for(longest), base = s->round;
  for (uint64_t i = 0; i < rounds; i++) {
    const uint64_t k = base + i;
    if (k >= 2 && !segment_await_all(s, OUT, k - 1)) return false;
    for (int r = 0; r < s->size; r++) {
      const Part part = part_of((size_t)send[r], i);
      memcpy(segment_input(s, s->rank, k, r), input + out[r] + part.at, part.bytes);
    }
    segment_count(s, IN, k + 1);
    for (int step = 0; step < s->size; step++) {
      const int r = (s->rank + step) % s->size;
      const Part part = part_of((size_t)receive[r], i);
      if (r != s->rank && !segment_await(s, r, IN, k + 1)) return false;
      memcpy(output + in[r] + part.at, segment_input(s, r, k, s->rank), part.bytes);
    }
    segment_count(s, REDUCED, k + 1);
    segment_count(s, OUT, k + 1);
  }
  s->round = base + rounds;
  return true;
}
