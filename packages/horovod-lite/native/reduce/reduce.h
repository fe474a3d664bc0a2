// Element-wise reductions, with the bits of src/transports/reduction.ts.
#pragma once
#include <stddef.h>

typedef enum { FLOAT32, INT32, BOOL, FLOAT16, BFLOAT16, BYTES } WireType;
typedef enum { SUM, MIN, MAX, PRODUCT } Reduction;

size_t wire_bytes(WireType type);

// target[i] = a[i] op b[i]; target may be a or b. `bytes` are whole elements.
void reduce(void *target, const void *a, const void *b, size_t bytes, WireType type, Reduction op);
