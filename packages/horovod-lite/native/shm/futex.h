// Sleeping until a number in shared memory changes.
#pragma once
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

static inline uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static inline struct timespec timespec_of(uint64_t ns) {
  return (struct timespec){.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
}

#ifdef __linux__
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

// Until somebody wakes, `*word` is no longer `seen`, or the time is over.
static inline void futex_wait(_Atomic uint32_t *word, uint32_t seen, uint64_t ns) {
  const struct timespec time = timespec_of(ns);
  syscall(SYS_futex, word, FUTEX_WAIT, seen, &time, NULL, 0);
}
static inline void futex_wake(_Atomic uint32_t *word) { syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0); }
#else
// Other systems have no such call for memory that processes share: look again soon.
#define SOON_NS 50000
static inline void futex_wait(_Atomic uint32_t *word, uint32_t seen, uint64_t ns) {
  const struct timespec time = timespec_of(ns < SOON_NS ? ns : SOON_NS);
  (void)word, (void)seen;
  nanosleep(&time, NULL);
}
static inline void futex_wake(_Atomic uint32_t *word) { (void)word; }
#endif
