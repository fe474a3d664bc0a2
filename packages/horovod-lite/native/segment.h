// Memory that the ranks of one host share, and how they wait for each other in it.
//
// An operation runs in rounds; round k uses one of two buffers of each rank. Every rank counts, in a cache line of its
// own, the rounds in which it has put its input there (`in`), has reduced (`reduced`), and has taken the results out
// (`out`). A count is written by its rank alone, so the only operations are release stores and acquire loads.
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PIECE (128 * 1024) /* bytes of a chunk that a round moves */
#define MAX_RANKS 256

typedef struct {
  _Alignas(64) _Atomic uint64_t in;
  _Atomic uint64_t reduced;
  _Atomic uint64_t out;
  _Atomic uint64_t number; // for what ranks must know of each other (alltoall)
} Counters;

typedef struct {
  _Alignas(64) _Atomic uint32_t aborted; // 1 + the rank that is gone, or 1 + MAX_RANKS
  Counters counters[];
} Header;

typedef struct {
  Header *header;
  uint8_t *buffers;
  size_t bytes;
  int rank, size;
  int32_t pids[MAX_RANKS];
  uint64_t round; // rounds of all operations so far, equal on all ranks between operations
  int file;
  char name[64]; // where the others find it
  bool named;    // the name must be removed
  const char *problem;
} Segment;

size_t segment_bytes(int size);

// Makes a segment and its name; false with `problem`.
bool segment_create(Segment *segment, int size);
bool segment_open(Segment *segment, int size, const char *name);
// All ranks have it: the name goes, and nothing can be left behind.
void segment_seal(Segment *segment);
void segment_close(Segment *segment);

// Everybody who waits, and will, stops.
void segment_abort(Segment *segment, int gone);

// Where rank `r` puts chunk `c` of its input, and its part of the result, in round k.
static inline uint8_t *segment_input(const Segment *s, int r, uint64_t k, int c) {
  return s->buffers + ((((size_t)r * 2 + (k & 1)) * (size_t)(s->size + 1)) + (size_t)c) * PIECE;
}
static inline uint8_t *segment_result(const Segment *s, int r, uint64_t k) { return segment_input(s, r, k, s->size); }

typedef enum { IN, REDUCED, OUT } Stage;

void segment_count(Segment *segment, Stage stage, uint64_t rounds);
// Waits until `rank` has counted to `rounds`; false where it is gone, or all was aborted.
bool segment_await(Segment *segment, int rank, Stage stage, uint64_t rounds);
bool segment_await_all(Segment *segment, Stage stage, uint64_t rounds);
