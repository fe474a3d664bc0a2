#include "collectives.h"
#include "futex.h"
#include <string.h>

#define BLOCK 16384 /* bytes that are reduced at a time, so that they stay near */

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

// The part of a stretch of memory that round i moves, by pieces of `most` bytes.
typedef struct { size_t at, bytes; } Part;
static Part part_of(size_t start, size_t end, uint32_t i, size_t most) {
  const size_t at = smaller(start + i * most, end);
  return (Part){at, smaller(most, end - at)};
}

static uint32_t rounds_for(size_t bytes, size_t piece) { return (uint32_t)((bytes + piece - 1) / piece); }

static void copy(void *target, const void *source, size_t bytes) {
  if (bytes > 0) memcpy(target, source, bytes); // nothing may have no address
}

// Rank r's chunk (of what is reduced) begins at sent[r] = received[r]: whole elements, the first chunks one longer.
static void chunks(Operation *o) {
  const size_t unit = wire_bytes(o->type), elements = o->bytes / unit, size = (size_t)o->segment->size;
  for (size_t c = 0; c <= size; c++) o->sent[c] = (elements / size * c + smaller(c, elements % size)) * unit;
}

static Part chunk_part(const Operation *o, int c, uint32_t j) { return part_of(o->sent[c], o->sent[c + 1], j, o->segment->piece); }

// Other ranks' chunks, to where they find them.
static bool put_in(Operation *o, uint32_t j) {
  Segment *s = o->segment;
  const uint32_t k = o->base + j;
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
  uint32_t k;
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
  const uint32_t k = o->base + j;
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
  const uint32_t k = o->base + j;
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

static void begin(Operation *o, bool (*step)(Operation *, uint32_t), uint32_t rounds) {
  o->step = step;
  o->i = 0;
  o->steps = rounds;
  o->base = o->segment->round;
  o->segment->round += rounds;
}

void begin_allreduce(Operation *o, const void *input, void *output, size_t bytes, WireType type, Reduction op, bool tree) {
  o->input = input, o->output = output, o->bytes = bytes, o->type = type, o->op = op, o->tree = tree;
  chunks(o);
  begin(o, step_allreduce, rounds_for(o->sent[1], o->segment->piece)); // the first chunk is the longest
  o->steps = o->steps > 0 ? 3 * (o->steps + 2) : 0;
}

// Operations that only move bytes: round j is put in, and taken out one turn later. Slots are used whole.
static bool may_put(Segment *s, uint32_t k) { return segment_await_all(s, OUT, k + 1 - SLOTS); }

static void taken(Segment *s, uint32_t k) {
  segment_count(s, REDUCED, k + 1);
  segment_count(s, OUT, k + 1);
}

static void begin_moves(Operation *o, bool (*step)(Operation *, uint32_t), uint32_t rounds) {
  begin(o, step, rounds);
  o->steps = rounds > 0 ? 2 * (rounds + 1) : 0;
}

typedef bool Move(Operation *o, uint32_t j);
static bool step_moves(Operation *o, uint32_t i, Move *put, Move *take) {
  const uint32_t turn = i / 2, rounds = o->steps / 2 - 1;
  if (i % 2 == 0) return turn >= rounds || put(o, turn);
  return turn < 1 || take(o, turn - 1);
}

static bool put_broadcast(Operation *o, uint32_t j) {
  Segment *s = o->segment;
  const uint32_t k = o->base + j;
  if (s->rank == o->root) {
    if (!may_put(s, k)) return false;
    const Part part = part_of(0, o->bytes, j, slot_bytes(s));
    memcpy(slot_of(s, s->rank, k), o->output + part.at, part.bytes);
  }
  segment_count(s, IN, k + 1);
  return true;
}

static bool take_broadcast(Operation *o, uint32_t j) {
  Segment *s = o->segment;
  const uint32_t k = o->base + j;
  if (s->rank != o->root) {
    if (!segment_await(s, o->root, IN, k + 1)) return false;
    const Part part = part_of(0, o->bytes, j, slot_bytes(s));
    memcpy(o->output + part.at, slot_of(s, o->root, k), part.bytes);
  }
  taken(s, k);
  return true;
}

static bool step_broadcast(Operation *o, uint32_t i) { return step_moves(o, i, put_broadcast, take_broadcast); }

void begin_broadcast(Operation *o, void *data, size_t bytes, int root) {
  o->output = data, o->bytes = bytes, o->root = root;
  begin_moves(o, step_broadcast, rounds_for(bytes, slot_bytes(o->segment)));
}

static void add_up(size_t *starts, const double *counts, int size) {
  starts[0] = 0;
  for (int r = 0; r < size; r++) starts[r + 1] = starts[r] + (size_t)counts[r];
}

static size_t longest(const size_t *starts, int size) {
  size_t most = 0;
  for (int r = 0; r < size; r++)
    if (starts[r + 1] - starts[r] > most) most = starts[r + 1] - starts[r];
  return most;
}

static bool put_gather(Operation *o, uint32_t j) {
  Segment *s = o->segment;
  const uint32_t k = o->base + j;
  if (!may_put(s, k)) return false;
  const Part part = part_of(0, o->bytes, j, slot_bytes(s));
  copy(slot_of(s, s->rank, k), o->input + part.at, part.bytes);
  copy(o->output + o->received[s->rank] + part.at, o->input + part.at, part.bytes);
  segment_count(s, IN, k + 1);
  return true;
}

static bool take_gather(Operation *o, uint32_t j) {
  Segment *s = o->segment;
  const uint32_t k = o->base + j;
  if (!segment_await_all(s, IN, k + 1)) return false;
  for (int step = 1; step < s->size; step++) {
    const int r = (s->rank + step) % s->size;
    const Part part = part_of(o->received[r], o->received[r + 1], j, slot_bytes(s));
    copy(o->output + part.at, slot_of(s, r, k), part.bytes);
  }
  taken(s, k);
  return true;
}

static bool step_allgather(Operation *o, uint32_t i) { return step_moves(o, i, put_gather, take_gather); }

void begin_allgather(Operation *o, const void *input, void *output, const double *counts) {
  Segment *s = o->segment;
  o->input = input, o->output = output, o->bytes = (size_t)counts[s->rank];
  add_up(o->received, counts, s->size);
  begin_moves(o, step_allgather, rounds_for(longest(o->received, s->size), slot_bytes(s)));
}

static bool put_alltoall(Operation *o, uint32_t j) {
  Segment *s = o->segment;
  const uint32_t k = o->base + j;
  if (!may_put(s, k)) return false;
  for (int r = 0; r < s->size; r++) {
    const Part part = part_of(o->sent[r], o->sent[r + 1], j, s->piece);
    copy(piece_of(s, s->rank, k, r), o->input + part.at, part.bytes);
  }
  segment_count(s, IN, k + 1);
  return true;
}

static bool take_alltoall(Operation *o, uint32_t j) {
  Segment *s = o->segment;
  const uint32_t k = o->base + j;
  if (!segment_await_all(s, IN, k + 1)) return false;
  for (int step = 0; step < s->size; step++) {
    const int r = (s->rank + step) % s->size;
    const Part part = part_of(o->received[r], o->received[r + 1], j, s->piece);
    copy(o->output + part.at, piece_of(s, r, k, s->rank), part.bytes);
  }
  taken(s, k);
  return true;
}

static bool step_alltoall(Operation *o, uint32_t i) { return step_moves(o, i, put_alltoall, take_alltoall); }

// Only the sender and the receiver know how long a part is: first all agree on the longest.
static bool step_lengths(Operation *o, uint32_t i) {
  Segment *s = o->segment;
  const uint32_t k = o->base;
  if (i == 0) {
    if (!segment_await_all(s, OUT, k)) return false; // nobody reads the numbers of an earlier one
    atomic_store_explicit(&s->counters[s->rank].number, longest(o->sent, s->size), memory_order_relaxed);
    segment_count(s, IN, k + 1);
    return true;
  }
  if (!segment_await_all(s, IN, k + 1)) return false;
  size_t most = 0;
  for (int r = 0; r < s->size; r++) {
    const size_t number = atomic_load_explicit(&s->counters[r].number, memory_order_relaxed);
    if (number > most) most = number;
  }
  taken(s, k);
  begin_moves(o, step_alltoall, rounds_for(most, s->piece));
  return true;
}

void begin_alltoall(Operation *o, const void *input, const double *send, void *output, const double *receive) {
  o->input = input, o->output = output;
  add_up(o->sent, send, o->segment->size);
  add_up(o->received, receive, o->segment->size);
  begin(o, step_lengths, 1);
  o->steps = 2;
}

bool proceed(Operation *o, uint64_t ns) {
  o->segment->deadline = now_ns() + ns;
  while (o->i < o->steps) {
    const uint32_t i = o->i++; // before the step, which may begin another operation
    if (o->step(o, i)) continue;
    o->i = i;
    return false;
  }
  return true;
}
