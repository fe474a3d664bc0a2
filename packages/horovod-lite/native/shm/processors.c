#define _GNU_SOURCE
#include "processors.h"
#include <string.h>
#include <unistd.h>

// Online ones may be forbidden, to this process (taskset, Slurm, a container's cpuset) or to each rank all but its own (mpirun).
#ifdef __linux__
#include <sched.h>

void processors_tell(Segment *s) {
  cpu_set_t mine;
  uint8_t *bits = s->counters[s->rank].processors;
  _Static_assert(sizeof mine == sizeof s->counters->processors, "a bit for each");
  if (sched_getaffinity(0, sizeof mine, &mine) == 0) memcpy(bits, &mine, sizeof mine);
}
#else
void processors_tell(Segment *s) { (void)s; }
#endif

int processors_of_all(const Segment *s) {
  int count = 0;
  for (size_t i = 0; i < sizeof s->counters->processors; i++) {
    uint8_t bits = 0;
    for (int r = 0; r < s->size; r++) bits |= s->counters[r].processors[i];
    count += __builtin_popcount(bits);
  }
  return count > 0 ? count : (int)sysconf(_SC_NPROCESSORS_ONLN);
}
