#define _GNU_SOURCE
#include "segment.h"
#include "futex.h"
#include "meeting.h"
#include "processors.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SPINS_ALONE 200 /* where each rank has a core: a few microseconds */
#define SPINS_CROWDED 20
#define YIELDS 100       /* before sleeping: whom this rank waits for may only lack a core */

static size_t header_bytes(int size) { return ((size_t)size * sizeof(Counters) + 4095) & ~(size_t)4095; }

static void plan(Segment *s, int size, size_t buffer) {
  s->size = size;
  s->piece = buffer / SLOTS / (size_t)size & ~(size_t)63;
  s->bytes = header_bytes(size) + meeting_bytes(size) + (size_t)size * SLOTS * slot_bytes(s);
  s->spins = SPINS_CROWDED;
}

static const char *map(Segment *s) {
  void *memory = mmap(NULL, s->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, s->file, 0);
  if (memory == MAP_FAILED) return "the shared memory cannot be mapped";
  s->counters = memory;
  s->notes = (uint8_t *)memory + header_bytes(s->size);
  s->buffers = (uint8_t *)s->notes + meeting_bytes(s->size);
  processors_tell(s);
  return NULL;
}

#ifdef __linux__
// All of it now, so that too little is an error here and not a signal later. A signal makes the system begin anew: a
// profiler's would do so for ever.
static int claim(int file, size_t bytes) {
  sigset_t all, before;
  int error;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  do error = posix_fallocate(file, 0, (off_t)bytes);
  while (error == EINTR);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return error;
}
#endif

const char *segment_create(Segment *s, int size, size_t buffer) {
  plan(s, size, buffer);
#ifdef __linux__
  // Without a name in any folder: others open it through this process, and it ends with the last of them.
  s->file = memfd_create("horovod-lite", MFD_CLOEXEC);
  if (s->file < 0) s->file = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (s->file < 0) return "no shared memory can be made";
  snprintf(s->name, sizeof s->name, "/proc/%d/fd/%d", (int)getpid(), s->file);
  if (claim(s->file, s->bytes) != 0) return "there is not enough shared memory";
#else
  static _Atomic int count;
  snprintf(s->name, sizeof s->name, "/hvd-%d-%d", (int)getpid(), atomic_fetch_add(&count, 1));
  shm_unlink(s->name); // of a process that had this number before
  s->file = shm_open(s->name, O_RDWR | O_CREAT | O_EXCL, 0600);
  if (s->file < 0) return "no shared memory can be made";
  s->named = true;
  if (ftruncate(s->file, (off_t)s->bytes) != 0) return "there is not enough shared memory";
#endif
  return map(s);
}

const char *segment_open(Segment *s, int size, size_t buffer, const char *name) {
  plan(s, size, buffer);
#ifdef __linux__
  s->file = open(name, O_RDWR | O_CLOEXEC);
#else
  s->file = shm_open(name, O_RDWR, 0600);
#endif
  return s->file < 0 ? "rank 0's shared memory cannot be opened from here" : map(s);
}

static void forget_name(Segment *s) {
  if (s->named) shm_unlink(s->name);
  s->named = false;
  if (s->file >= 0) close(s->file);
  s->file = -1;
}

void segment_seal(Segment *s) {
  forget_name(s);
  s->spins = s->size <= processors_of_all(s) ? SPINS_ALONE : SPINS_CROWDED;
}

void segment_leave(Segment *s) {
  forget_name(s);
  if (!s->counters) return;
  atomic_store(&s->counters[s->rank].left, 1);
  for (Stage stage = IN; stage < STAGES; stage++) futex_wake(&s->counters[s->rank].counts[stage]);
}

void segment_unmap(Segment *s) {
  if (s->counters) munmap(s->counters, s->bytes);
  s->counters = NULL;
}

void segment_count(Segment *s, Stage stage, uint64_t rounds) {
  Counters *own = &s->counters[s->rank];
  atomic_store_explicit(&own->counts[stage], (uint32_t)rounds, memory_order_release);
  atomic_thread_fence(memory_order_seq_cst); // either this rank sees the sleeper, or the sleeper the count
  if (atomic_load_explicit(&own->sleepers, memory_order_relaxed)) futex_wake(&own->counts[stage]);
}

static bool reached(uint32_t count, uint64_t rounds) { return (int32_t)(count - (uint32_t)rounds) >= 0; }

bool segment_await(Segment *s, int rank, Stage stage, uint64_t rounds) {
  Counters *own = &s->counters[s->rank], *other = &s->counters[rank];
  _Atomic uint32_t *count = &other->counts[stage];
  bool there = false;
  for (uint32_t turn = 0; turn < s->spins + YIELDS; turn++) {
    if (reached(atomic_load_explicit(count, memory_order_acquire), rounds)) return true;
    if (turn < s->spins) relax();
    else sched_yield();
  }
  s->waiting_for = rank;
  atomic_fetch_add(&other->sleepers, 1);
  for (;;) {
    const bool left = atomic_load(&other->left) || atomic_load(&own->left); // before the count: what it did before is there
    const uint32_t seen = atomic_load(count);
    const uint64_t now = now_ns();
    there = reached(seen, rounds);
    s->lost = left && !there;
    if (there || left || now >= s->deadline) break;
    futex_wait(count, seen, s->deadline - now);
  }
  atomic_fetch_sub(&other->sleepers, 1);
  return there;
}

bool segment_await_all(Segment *s, Stage stage, uint64_t rounds) {
  for (int step = 1; step < s->size; step++)
    if (!segment_await(s, (s->rank + step) % s->size, stage, rounds)) return false;
  return true;
}
