// Collectives in a shared segment, as steps that are taken as far as the other ranks allow: one that waits too long gives
// its thread back, and goes on later where it stopped.
#pragma once
#include "../reduce.h"
#include "segment.h"

typedef struct Operation {
  Segment *segment;
  // Takes step i, or gives false where a rank is not there yet; then it is called again with the same i.
  bool (*step)(struct Operation *, uint32_t i);
  uint32_t i, steps;
  uint64_t base; // the segment's round when it began
  const uint8_t *input;
  uint8_t *output;
  size_t bytes;
  WireType type;
  Reduction op;
  bool tree;
  int root;
  size_t sent[MAX_RANKS + 1], received[MAX_RANKS + 1]; // where each rank's part of input and output begins, and the end
} Operation;

// The order of src/transports/order.ts: a ring for each chunk, or (`tree`, ranks a power of two) recursive halving.
// input may be output.
void begin_allreduce(Operation *, const void *input, void *output, size_t bytes, WireType type, Reduction op, bool tree);
void begin_broadcast(Operation *, void *data, size_t bytes, int root);
void begin_allgather(Operation *, const void *input, void *output, const double *counts);
void begin_alltoall(Operation *, const void *input, const double *send, void *output, const double *receive);

// Goes on, for some nanoseconds of waiting at most. False: not at its end yet, see segment->waiting_for.
bool proceed(Operation *, uint64_t ns);
