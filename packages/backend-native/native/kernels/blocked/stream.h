// Whether a blocked tensor is written past the caches: where it is so large that none of it would still be there when it is
// read, and the stores need not fetch what they overwrite.
#pragma once
#include "../isa.h"
#include "layout.h"

enum { STREAM_BYTES = 4 << 20, VECTORS = BLOCK / VL /* of a pixel's 16 channels */ };

// How many pixels before it is read a large tensor is asked for, where the processor alone would be late.
enum { AHEAD = 64 };

INLINE int is_streamed(const float *tensor, BlockedShape s) {
  return blocked_bytes(s) >= STREAM_BYTES && (uintptr_t)tensor % sizeof(vf) == 0;
}

INLINE void v_put(float *p, vf v, int stream) { stream ? v_stream(p, v) : v_store(p, v); }
