// Element-wise reductions, with the results of src/transports/reduction.ts to the bit (of NaN only that it is one).
#pragma once
#include <stddef.h>

typedef enum { FLOAT32, INT32, BOOL, FLOAT16, BFLOAT16, BYTES } WireType;
typedef enum { SUM, MIN, MAX, PRODUCT } Reduction;

size_t wire_bytes(WireType type);

// target[i] = x[i] op y[i]; target may be x or y, at any address. `bytes` are whole elements.
void reduce(void *target, const void *x, const void *y, size_t bytes, WireType type, Reduction op);

// The same for any processor, as reduce() uses it where there is nothing better.
void reduce_portable(void *target, const void *x, const void *y, size_t bytes, WireType type, Reduction op);
