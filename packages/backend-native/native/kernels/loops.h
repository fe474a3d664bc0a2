// Elementwise operations over neighbouring values, one loop each: the kernels' cores, and what a chain is made of.
// A stride is 1, or 0 where one value stands for all; binary loops take any.
#pragma once
#include "isa.h"
#include "operations.h"

typedef void UnaryLoop(const float *x, float *y, int64_t count, float alpha);
typedef void BinaryLoop(const float *a, int64_t aStride, const float *b, int64_t bStride, void *y, int64_t count);
// By UnaryOp, BinaryOp (y: floats) and CompareOp (y: bytes).
extern UnaryLoop *const KERNEL(unary_loops)[];
extern BinaryLoop *const KERNEL(binary_loops)[], *const KERNEL(compare_loops)[];

void KERNEL(select_loop)(const uint8_t *condition, int conditionStride, const float *a, int aStride, const float *b,
                         int bStride, float *y, int64_t count);
void KERNEL(cast_uint8_loop)(const uint8_t *x, float *y, int64_t count);
void KERNEL(cast_int32_loop)(const int32_t *x, float *y, int64_t count);
