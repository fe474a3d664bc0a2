#include "meeting.h"
#include "futex.h"
#include <sched.h>
#include <string.h>

#define LOOKS 64 /* between looks at the clock */

// `arrivals` is the meeting's number and how many are there. A full meeting is over: the next to come begins another, for
// which all who are still reading notes must come too; so two notes a rank are enough.
typedef struct { uint32_t number, there; } Meeting;

static Meeting meeting_of(uint64_t arrivals) { return (Meeting){(uint32_t)(arrivals >> 32), (uint32_t)arrivals}; }
static uint64_t arrivals_of(Meeting m) { return (uint64_t)m.number << 32 | m.there; }

static Note *note_of(const Segment *s, uint32_t meeting, int rank) {
  return (Note *)s->notes + (meeting & 1) * (size_t)s->size + (size_t)rank;
}

static uint32_t arrive(Segment *s, const char *text, size_t length) {
  uint64_t seen = atomic_load(&s->counters->arrivals);
  for (;;) {
    Meeting m = meeting_of(seen);
    if (m.there == (uint32_t)s->size) m = (Meeting){m.number + 1, 0};
    Note *note = note_of(s, m.number, s->rank);
    note->length = length;
    memcpy(note->text, text, length);
    m.there++;
    if (atomic_compare_exchange_strong(&s->counters->arrivals, &seen, arrivals_of(m))) return m.number;
  }
}

static bool full(const Segment *s, uint64_t arrivals, uint32_t number) {
  const Meeting now = meeting_of(arrivals);
  return now.number != number || now.there == (uint32_t)s->size;
}

// Somebody will not come: he does it in another way, or does nothing any more.
static bool hopeless(const Segment *s, uint32_t number) {
  for (int r = 0; r < s->size; r++)
    if (atomic_load_explicit(&s->counters[r].left, memory_order_relaxed) ||
        (r != s->rank && atomic_load_explicit(&s->counters[r].missed, memory_order_relaxed) == number))
      return true;
  return false;
}

// False where everybody else has come meanwhile.
static bool leave(Segment *s, uint32_t number) {
  uint64_t seen = atomic_load(&s->counters->arrivals);
  while (!full(s, seen, number))
    if (atomic_compare_exchange_strong(&s->counters->arrivals, &seen, seen - 1)) return true;
  return false;
}

static bool all_come(Segment *s, uint32_t meeting, uint32_t number, uint64_t ns) {
  const uint64_t deadline = now_ns() + ns;
  for (uint32_t turn = 0; !full(s, atomic_load_explicit(&s->counters->arrivals, memory_order_acquire), meeting); turn++) {
    if (turn >= s->spins) sched_yield();
    else relax();
    if ((turn < s->spins && turn % LOOKS != 0) || (!hopeless(s, number) && now_ns() < deadline)) continue;
    if (leave(s, meeting)) return false;
  }
  return true;
}

static bool agree(const Segment *s, uint32_t meeting) {
  const Note *own = note_of(s, meeting, s->rank);
  for (int r = 0; r < s->size; r++) {
    const Note *other = note_of(s, meeting, r);
    if (other->length != own->length || memcmp(other->text, own->text, own->length) != 0) return false;
  }
  return true;
}

bool meet(Segment *s, uint32_t number, const char *note, size_t length, uint64_t ns) {
  bool met = false;
  if (length <= sizeof((Note *)0)->text && !hopeless(s, number)) {
    const uint32_t meeting = arrive(s, note, length);
    met = all_come(s, meeting, number, ns);
    if (met) return agree(s, meeting);
  }
  atomic_store_explicit(&s->counters[s->rank].missed, number, memory_order_relaxed);
  return false;
}
