#define _GNU_SOURCE
#include "pass.h"
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 // Node ignores the signal
#endif

#define SPIN_NS 50000 /* of waiting, before this thread sleeps: waking it takes as long */

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

// The part that is under way, or NULL.
static const Part *current(Stream *stream) {
  while (stream->part < stream->count && stream->at == stream->parts[stream->part].bytes) {
    stream->part++;
    stream->at = 0;
  }
  return stream->part < stream->count ? &stream->parts[stream->part] : NULL;
}

static void advance(Stream *stream, size_t bytes) {
  stream->at += bytes;
  stream->moved += bytes;
}

static bool can_send(Pass *pass) {
  return current(&pass->outgoing) && pass->outgoing.moved < pass->lead + pass->incoming.moved;
}

static bool would_block(void) { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

// Bytes that were sent, or −1.
static ssize_t send_some(Pass *pass, int out) {
  if (!can_send(pass)) return 0;
  Stream *stream = &pass->outgoing;
  const Part *part = current(stream);
  const size_t allowed = pass->lead + pass->incoming.moved - stream->moved;
  const size_t bytes = least(least(part->bytes - stream->at, allowed), PASS_PIECE);
  const ssize_t sent = send(out, part->data + stream->at, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent > 0) advance(stream, (size_t)sent);
  return sent < 0 && would_block() ? 0 : sent;
}

// Adds the whole elements of what has come.
static void add(Pass *pass, const Part *part) {
  const size_t whole = pass->waiting - pass->waiting % wire_bytes(pass->type), at = pass->incoming.at;
  reduce(part->data + at, part->own + at, pass->scratch, whole, pass->type, pass->op);
  pass->waiting -= whole;
  memmove(pass->scratch, pass->scratch + whole, pass->waiting);
  advance(&pass->incoming, whole);
}

// Bytes that were received; −1 where that failed, with errno 0 where the other side closed the connection.
static ssize_t receive_some(Pass *pass, int in) {
  Stream *stream = &pass->incoming;
  const Part *part = current(stream);
  if (!part) return 0;
  char *to = part->own ? pass->scratch + pass->waiting : part->data + stream->at;
  const size_t bytes = least(part->bytes - stream->at, PASS_PIECE) - pass->waiting;
  const ssize_t received = recv(in, to, bytes, MSG_DONTWAIT);
  if (received < 0) return would_block() ? 0 : -1;
  if (received == 0) {
    errno = 0;
    return -1;
  }
  if (!part->own) advance(stream, (size_t)received);
  else {
    pass->waiting += (size_t)received;
    add(pass, part);
  }
  return received;
}

// Sleeps until something can go on. Whether it is this pass, and in time.
static bool sleep_until_ready(Pass *pass, int out, int in, int other, uint64_t ns) {
  struct pollfd ready[] = {
      {.fd = can_send(pass) ? out : -1, .events = POLLOUT},
      {.fd = current(&pass->incoming) ? in : -1, .events = POLLIN},
      {.fd = other, .events = POLLIN},
  };
  return poll(ready, 3, (int)((ns + 999999) / 1000000)) != 0 && !ready[2].revents;
}

PassState pass_proceed(Pass *pass, int out, int in, int other, uint64_t turn_ns, int *error) {
  const uint64_t start = now_ns();
  for (uint64_t moved = start;;) {
    const ssize_t sent = send_some(pass, out);
    *error = errno;
    if (sent < 0) return SENDING_FAILED;
    const ssize_t received = receive_some(pass, in);
    *error = errno;
    if (received < 0) return RECEIVING_FAILED;
    if (!current(&pass->outgoing) && !current(&pass->incoming)) return DONE;
    const uint64_t now = now_ns();
    if (now - start >= turn_ns) return LATER;
    if (sent || received) moved = now;
    else if (now - moved < SPIN_NS) sched_yield();
    else if (!sleep_until_ready(pass, out, in, other, start + turn_ns - now)) return LATER;
  }
}
