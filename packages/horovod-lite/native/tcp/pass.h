// Bytes in both directions at once between memory and two sockets that do not block. What arrives may be added to what
// is there; what is to be sent may have to arrive first.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "../reduce.h"

#define PASS_PIECE ((size_t)256 << 10) /* bytes at a time: they stay in a core's cache. Also the length of the scratch memory */

typedef struct {
  char *data;
  const char *own; // of what is received: NULL, or what it is added to on its way to `data`
  size_t bytes;
} Part;

// A row of parts, and where it goes on.
typedef struct {
  Part *parts;
  size_t count, part, at;
  size_t moved; // of all parts
} Stream;

typedef struct {
  Stream outgoing, incoming;
  size_t lead; // bytes that may go before any has come; each that has come lets one more go
  WireType type;
  Reduction op;
  char *scratch; // what has come and is not added yet
  size_t waiting; // bytes of it
} Pass;

typedef enum { DONE, LATER, SENDING_FAILED, RECEIVING_FAILED } PassState;

// Goes on until all has moved, or for `turn_ns`, or until something can be read from `other` (another descriptor, −1 for
// none). Where it fails *error is the system's number, 0 where the other side closed the connection.
PassState pass_proceed(Pass *pass, int out, int in, int other, uint64_t turn_ns, int *error);
