#include "steps.h"
#include "futex.h"

void begin(Operation *o, bool (*step)(Operation *, uint32_t), uint32_t rounds) {
  o->step = step;
  o->i = 0;
  o->steps = rounds;
  o->base = o->segment->round;
  o->segment->round += rounds;
}

bool proceed(Operation *o, uint64_t ns) {
  o->segment->deadline = now_ns() + ns;
  while (o->i < o->steps) {
    const uint32_t i = o->i++; // before the step, which may begin another operation
    if (o->step(o, i)) continue;
    o->i = i;
    return false;
  }
  return true;
}
