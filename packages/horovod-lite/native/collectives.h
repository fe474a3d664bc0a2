// Collectives in a shared segment. All return false where a rank is gone; segment->header->aborted tells which.
#pragma once
#include "reduce.h"
#include "segment.h"

// The order of src/transports/order.ts: a ring for each chunk, or (`tree`, ranks a power of two) recursive halving.
// input may be output.
bool shm_allreduce(Segment *segment, const uint8_t *input, uint8_t *output, size_t bytes, WireType type, Reduction op, bool tree);
bool shm_broadcast(Segment *segment, uint8_t *data, size_t bytes, int root);
bool shm_allgather(Segment *segment, const uint8_t *input, uint8_t *output, const double *counts);
bool shm_alltoall(Segment *segment, const uint8_t *input, const double *send, uint8_t *output, const double *receive);
