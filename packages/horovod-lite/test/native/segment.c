// What the addon lets nobody reach: rounds near the end of their counts, processors that ranks may not use, signals.
// Compiled and run by segment.test.ts: `segment rounds RANKS FIRST`, `segment processors`, `segment signals`.
#define _GNU_SOURCE
#include "shm/collectives.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#endif

// The reductions for any processor.
#define ISA portable
#include "kernels/reduction.c"
void reduce_avx2(void *target, const void *x, const void *y, size_t bytes, WireType type, Reduction op) {
  reduce_portable(target, x, y, bytes, type, op);
}

#define MOST 4
#define BUFFER 65536
#define OPERATIONS 300
#define LENGTH 20000 /* numbers: some rounds of an operation */

static int size;
static Segment segments[MOST];

static void made(const char *problem) {
  if (!problem) return;
  fprintf(stderr, "%s\n", problem);
  exit(2);
}

static void open_rank(int rank) {
  Segment *s = &segments[rank];
  s->rank = rank;
  s->file = -1;
  made(rank ? segment_open(s, size, BUFFER, segments[0].name) : segment_create(s, size, BUFFER));
}

static void finish(Operation *o) {
  while (!proceed(o, 1000000)) {}
}

// A number that tells rank, operation and place apart.
static int number(int rank, int operation, int place) { return (rank + 1) * (operation % 17 + 1) + place % 1009; }

// Each rank's thread: every kind of operation, by turns. Gives how many had a wrong result.
static void *work(void *which) {
  const int rank = (int)(intptr_t)which;
  Operation o = {.segment = &segments[rank]};
  int *in = malloc(sizeof(int) * LENGTH), *out = malloc(sizeof(int) * LENGTH * MOST);
  double counts[MOST];
  intptr_t wrong = 0;
  unsigned chance = 77u + (unsigned)rank;
  for (int k = 0; k < OPERATIONS; k++) {
    const int kind = k % 4, root = k % size, part = LENGTH / size;
    chance = chance * 1664525u + 1013904223u;
    if (chance >> 30 == 0) usleep(chance >> 16 & 255);
    for (int i = 0; i < LENGTH; i++) in[i] = number(rank, k, i);
    bool right = true;
    if (kind == 0) {
      begin_allreduce(&o, in, out, sizeof(int) * LENGTH, INT32, SUM, false);
      finish(&o);
      for (int i = 0; i < LENGTH; i++) {
        int sum = 0;
        for (int r = 0; r < size; r++) sum += number(r, k, i);
        right = right && out[i] == sum;
      }
    } else if (kind == 1) {
      begin_broadcast(&o, in, sizeof(int) * LENGTH, root);
      finish(&o);
      for (int i = 0; i < LENGTH; i++) right = right && in[i] == number(root, k, i);
    } else if (kind == 2) {
      for (int r = 0; r < size; r++) counts[r] = (double)(sizeof(int) * LENGTH);
      begin_allgather(&o, in, out, counts);
      finish(&o);
      for (int i = 0; i < LENGTH * size; i++) right = right && out[i] == number(i / LENGTH, k, i % LENGTH);
    } else {
      for (int r = 0; r < size; r++) counts[r] = (double)(sizeof(int) * (size_t)part);
      begin_alltoall(&o, in, counts, out, counts);
      finish(&o);
      for (int i = 0; i < part * size; i++) right = right && out[i] == number(i / part, k, rank * part + i % part);
    }
    wrong += !right;
  }
  free(in), free(out);
  return (void *)wrong;
}

// Prints how many operations were wrong, and the round after the last.
static void rounds(uint64_t first) {
  for (int r = 0; r < size; r++) {
    open_rank(r);
    segments[r].round = first;
  }
  for (int r = 0; r < size; r++)
    for (Stage stage = IN; stage < STAGES; stage++) segments[0].counters[r].counts[stage] = (uint32_t)first;
  pthread_t threads[MOST];
  intptr_t wrong = 0;
  for (int r = 0; r < size; r++) pthread_create(&threads[r], NULL, work, (void *)(intptr_t)r);
  for (int r = 0; r < size; r++) {
    void *found;
    pthread_join(threads[r], &found);
    wrong += (intptr_t)found;
  }
  printf("%ld %llu\n", (long)wrong, (unsigned long long)segments[0].round);
}

#ifdef __linux__
// Prints the looks of two ranks, where both may use the same processor, and where each may use another.
static void processors(void) {
  int ours[2], found = 0;
  cpu_set_t all, one;
  sched_getaffinity(0, sizeof all, &all);
  for (int i = 0; i < CPU_SETSIZE && found < 2; i++)
    if (CPU_ISSET(i, &all)) ours[found++] = i;
  if (found < 2) return;
  size = 2;
  for (int apart = 0; apart < 2; apart++) {
    for (int r = 0; r < 2; r++) {
      CPU_ZERO(&one);
      CPU_SET(ours[r * apart], &one);
      sched_setaffinity(0, sizeof one, &one);
      open_rank(r);
    }
    for (int r = 0; r < 2; r++) segment_seal(&segments[r]);
    printf("%u %u ", segments[0].spins, segments[1].spins);
  }
}

// In the place of the system's: older kernels give up for each signal that is let through, here once for another reason too.
int posix_fallocate(int file, off_t from, off_t bytes) {
  static int calls;
  sigset_t held;
  pthread_sigmask(SIG_BLOCK, NULL, &held);
  if (!sigismember(&held, SIGPROF) || calls++ == 0) return EINTR;
  return fallocate(file, 0, from, bytes) == 0 ? 0 : errno;
}

// Prints whether memory was made, and signals are let through again.
static void signals(void) {
  sigset_t held;
  size = 2;
  made(segment_create(&segments[0], size, BUFFER));
  pthread_sigmask(SIG_BLOCK, NULL, &held);
  printf("%d\n", !sigismember(&held, SIGPROF));
}
#endif

int main(int count, char **arguments) {
  const char *command = count > 1 ? arguments[1] : "";
  if (strcmp(command, "rounds") == 0 && count == 4) {
    size = atoi(arguments[2]);
    rounds(strtoull(arguments[3], NULL, 10));
    return 0;
  }
#ifdef __linux__
  if (strcmp(command, "processors") == 0) return processors(), 0;
  if (strcmp(command, "signals") == 0) return signals(), 0;
#endif
  return 2;
}
