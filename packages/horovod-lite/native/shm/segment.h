// Memory that the ranks of one host share, and how they wait for each other in it.
//
// An operation runs in rounds; round k uses slot k mod SLOTS of each rank's buffer. Every rank counts, in a cache line of
// its own, the rounds in which it has put its input there (IN), has reduced (REDUCED), and has taken results out (OUT). A
// count is written by its rank alone, so release stores and acquire loads are all it takes. Nothing is ever locked: a rank
// that is killed leaves the others waiting, and they look whether it lives.
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLOTS 3
#define MAX_RANKS 256
#define MAX_PROCESSORS 1024

typedef enum { IN, REDUCED, OUT, STAGES } Stage;

typedef struct {
  _Alignas(128) _Atomic uint32_t counts[STAGES];
  _Atomic uint32_t left;   // it takes no more part
  _Atomic uint64_t number; // what others must know of it (alltoall)
  _Alignas(128) _Atomic uint32_t sleepers; // others that sleep until it counts
  _Atomic uint32_t missed;                 // the last operation whose meeting it has left (meeting.h)
  _Alignas(128) _Atomic uint64_t arrivals; // the first rank's: meeting.c
  uint8_t processors[MAX_PROCESSORS / 8];  // a bit for each that it may use: processors.c
} Counters;

typedef struct {
  Counters *counters; // of each rank; the mapping begins here
  void *notes;        // meeting.h
  uint8_t *buffers;
  size_t bytes; // of the mapping
  size_t piece; // bytes of one chunk that a round moves; a slot has `size` pieces
  int rank, size;
  uint64_t round;     // rounds of all operations so far, equal on all ranks between operations
  uint32_t spins;     // looks before giving the core to others
  uint64_t deadline;  // of this turn of waiting, in monotonic nanoseconds
  int waiting_for;    // the rank whose count is missing
  bool lost;          // and it has left
  int file;
  char name[64]; // where the others find it
  bool named;    // the name must be removed
} Segment;

// Makes a segment with `buffer` bytes for each rank; or opens another rank's by name. NULL, or what is wrong.
const char *segment_create(Segment *segment, int size, size_t buffer);
const char *segment_open(Segment *segment, int size, size_t buffer, const char *name);
// All ranks have it: the name goes, and nothing can be left behind. Now it is known whether each has a core.
void segment_seal(Segment *segment);
// This rank takes no more part: whoever waits for it, in this process too, is told.
void segment_leave(Segment *segment);
// After that, when no thread of this process uses it.
void segment_unmap(Segment *segment);

static inline size_t slot_bytes(const Segment *s) { return s->piece * (size_t)s->size; }

// Rank r's slot of round k, and the piece of it for chunk c. A rank needs no piece for its own chunk: its result goes there.
static inline uint8_t *slot_of(const Segment *s, int r, uint64_t k) {
  return s->buffers + ((size_t)r * SLOTS + k % SLOTS) * slot_bytes(s);
}
static inline uint8_t *piece_of(const Segment *s, int r, uint64_t k, int c) { return slot_of(s, r, k) + (size_t)c * s->piece; }

void segment_count(Segment *segment, Stage stage, uint64_t rounds);
// Waits until `rank` has counted to `rounds`; false with `waiting_for` where it has not when the deadline is over, and with
// `lost` where it never will.
bool segment_await(Segment *segment, int rank, Stage stage, uint64_t rounds);
bool segment_await_all(Segment *segment, Stage stage, uint64_t rounds);

static inline void relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}
