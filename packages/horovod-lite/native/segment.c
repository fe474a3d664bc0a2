#define _GNU_SOURCE
#include "segment.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define SPINS 100           /* before the first yield: a rank that shares this core must get it soon */
#define YIELDS 20000        /* before sleeping */
#define SLEEP_NS 50000      /* between looks while sleeping */
#define ALIVE_EVERY_NS 50000000

static size_t header_bytes(int size) {
  return (sizeof(Header) + (size_t)size * sizeof(Counters) + 4095) & ~(size_t)4095;
}

size_t segment_bytes(int size) {
  return header_bytes(size) + (size_t)size * 2 * (size_t)(size + 1) * PIECE;
}

static bool fail(Segment *segment, const char *problem) {
  segment->problem = problem;
  return false;
}

static bool map(Segment *segment, int size) {
  segment->bytes = segment_bytes(size);
  segment->size = size;
  void *memory = mmap(NULL, segment->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, segment->file, 0);
  if (memory == MAP_FAILED) return fail(segment, "the shared memory cannot be mapped");
  segment->header = memory;
  segment->buffers = (uint8_t *)memory + header_bytes(size);
  return true;
}

bool segment_create(Segment *segment, int size) {
#ifdef __linux__
  // Without a name in any folder: others open it through this process, and it ends with the last of them.
  segment->file = memfd_create("horovod-lite", MFD_CLOEXEC);
  if (segment->file >= 0) snprintf(segment->name, sizeof segment->name, "/proc/%d/fd/%d", (int)getpid(), segment->file);
#else
  static _Atomic int count;
  snprintf(segment->name, sizeof segment->name, "/hvd-%d-%d", (int)getpid(), atomic_fetch_add(&count, 1));
  segment->file = shm_open(segment->name, O_RDWR | O_CREAT | O_EXCL, 0600);
  segment->named = segment->file >= 0;
#endif
  if (segment->file < 0) return fail(segment, "no shared memory can be made");
  if (ftruncate(segment->file, (off_t)segment_bytes(size)) != 0) return fail(segment, "there is not enough shared memory");
  return map(segment, size);
}

bool segment_open(Segment *segment, int size, const char *name) {
#ifdef __linux__
  segment->file = open(name, O_RDWR | O_CLOEXEC);
#else
  segment->file = shm_open(name, O_RDWR, 0600);
#endif
  if (segment->file < 0) return fail(segment, "rank 0's shared memory cannot be opened from here");
  return map(segment, size);
}

void segment_seal(Segment *segment) {
#ifndef __linux__
  if (segment->named) shm_unlink(segment->name);
  segment->named = false;
#endif
  if (segment->file >= 0) close(segment->file);
  segment->file = -1;
}

void segment_close(Segment *segment) {
  segment_seal(segment);
  if (segment->header) munmap(segment->header, segment->bytes);
  segment->header = NULL;
}

void segment_abort(Segment *segment, int gone) {
  uint32_t none = 0;
  if (segment->header) atomic_compare_exchange_strong(&segment->header->aborted, &none, (uint32_t)gone + 1);
}

static _Atomic uint64_t *counter(Segment *segment, int rank, Stage stage) {
  Counters *counters = &segment->header->counters[rank];
  return stage == IN ? &counters->in : stage == REDUCED ? &counters->reduced : &counters->out;
}

void segment_count(Segment *segment, Stage stage, uint64_t rounds) {
  atomic_store_explicit(counter(segment, segment->rank, stage), rounds, memory_order_release);
}

static inline void relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

// A process that has ended but was not waited for by its parent still has its number.
static bool is_zombie(int pid) {
  char path[64], text[256];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  if (length <= 0) return false;
  text[length] = 0;
  const char *state = strrchr(text, ')');
  return state && state[1] == ' ' && (state[2] == 'Z' || state[2] == 'X');
}

static bool alive(int pid) { return (kill(pid, 0) == 0 || errno == EPERM) && !is_zombie(pid); }

bool segment_await(Segment *segment, int rank, Stage stage, uint64_t rounds) {
  const _Atomic uint64_t *count = counter(segment, rank, stage);
  uint64_t looked = 0;
  for (uint32_t turn = 0;; turn++) {
    if (atomic_load_explicit(count, memory_order_acquire) >= rounds) return true;
    if (turn < SPINS) {
      relax();
      continue;
    }
    if (atomic_load_explicit(&segment->header->aborted, memory_order_relaxed)) return false;
    if (turn < SPINS + YIELDS) sched_yield();
    else nanosleep(&(struct timespec){.tv_nsec = SLEEP_NS}, NULL);
    if (turn % 64) continue;
    const uint64_t now = now_ns();
    if (looked == 0) looked = now;
    if (now - looked < ALIVE_EVERY_NS) continue;
    looked = now;
    if (!alive(segment->pids[rank])) {
      segment_abort(segment, rank);
      return false;
    }
  }
}

bool segment_await_all(Segment *segment, Stage stage, uint64_t rounds) {
  for (int rank = 0; rank < segment->size; rank++)
    if (rank != segment->rank && !segment_await(segment, rank, stage, rounds)) return false;
  return true;
}
