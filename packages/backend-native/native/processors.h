// How many processors this process may use, for threads.c alone, which defines _GNU_SOURCE.
#pragma once
#include <stdio.h>
#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

static inline int processor_count(void) {
  SYSTEM_INFO info;
  GetSystemInfo(&info);
  return (int)info.dwNumberOfProcessors;
}

#else
#include <sched.h>
#include <unistd.h>

static inline int processor_count(void) {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  return (int)sysconf(_SC_NPROCESSORS_ONLN);
}
#endif

// Processors that the container's cgroup (version 2, else 1) grants, rounded up; 0 where it sets no limit.
static inline int processor_quota(void) {
  long quota = 0, period = 0;
#if defined(__linux__)
  FILE *file = fopen("/sys/fs/cgroup/cpu.max", "r");
  if (file) {
    if (fscanf(file, "%ld %ld", &quota, &period) != 2) quota = 0; // "max 100000"
    fclose(file);
  } else {
    const char *const names[] = {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us"};
    long *const values[] = {&quota, &period};
    for (int i = 0; i < 2; i++) {
      if (!(file = fopen(names[i], "r"))) continue;
      if (fscanf(file, "%ld", values[i]) != 1) *values[i] = 0;
      fclose(file);
    }
  }
#endif
  return quota > 0 && period > 0 ? (int)((quota + period - 1) / period) : 0;
}
