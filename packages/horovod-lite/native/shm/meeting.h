// Where the ranks' main threads find out that all of them wait for the same operation, with nobody in between. Who has come
// and finds others missing leaves again; only when all are there at one time do they stay.
#pragma once
#include "segment.h"

#define NOTE_BYTES 1024

// What a rank waits for, in words, or where they are many a digest of them. A rank keeps two: others may still read the one of the meeting before.
typedef struct {
  size_t length;
  char text[NOTE_BYTES - sizeof(size_t)];
} Note;

static inline size_t meeting_bytes(int size) { return 2 * sizeof(Note) * (size_t)size; }

// Comes to the meeting about operation `number` (the caller's count of operations) and stays until all ranks are there, or the
// time is over, or another has left the meeting about it. True where all were there with equal notes: so it is on every rank.
bool meet(Segment *segment, uint32_t number, const char *note, size_t length, uint64_t ns);
