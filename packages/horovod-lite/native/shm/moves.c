// Operations that only move bytes: round j is put in, and taken out one turn later. Slots are used whole.
#include "steps.h"
#include <string.h>

static bool may_put(Segment *s, uint64_t k) { return segment_await_all(s, OUT, k + 1 - SLOTS); }

static void taken(Segment *s, uint64_t k) {
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
  const uint64_t k = o->base + j;
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
  const uint64_t k = o->base + j;
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
  const uint64_t k = o->base + j;
  if (!may_put(s, k)) return false;
  const Part part = part_of(0, o->bytes, j, slot_bytes(s));
  copy(slot_of(s, s->rank, k), o->input + part.at, part.bytes);
  copy(o->output + o->received[s->rank] + part.at, o->input + part.at, part.bytes);
  segment_count(s, IN, k + 1);
  return true;
}

static bool take_gather(Operation *o, uint32_t j) {
  Segment *s = o->segment;
  const uint64_t k = o->base + j;
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
  const uint64_t k = o->base + j;
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
  const uint64_t k = o->base + j;
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
  const uint64_t k = o->base;
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
