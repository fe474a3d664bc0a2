// Elementwise operations over neighbouring values, one loop each: the kernels' cores, and what a chain is made of.
// A stride is 1, or 0 where one value stands for all; loops of two floats take any.
#pragma once
#include "chain.h"
#include "isa.h"
#include "operations.h"

typedef void UnaryLoop(const float *x, float *y, int64_t count, float alpha);
typedef void BinaryLoop(const float *a, int64_t aStride, const float *b, int64_t bStride, void *y, int64_t count);
typedef void IntegerLoop(const int32_t *a, int64_t aStride, const int32_t *b, int64_t bStride, void *y, int64_t count);
typedef void LogicalLoop(const uint8_t *a, int64_t aStride, const uint8_t *b, int64_t bStride, void *y, int64_t count);
typedef void CastLoop(const void *x, void *y, int64_t count);

// By UnaryOp, BinaryOp, CompareOp (y: bytes), IntegerOp, LogicalOp, and by Element of x and of y.
extern UnaryLoop *const KERNEL(unary_loops)[];
extern BinaryLoop *const KERNEL(binary_loops)[], *const KERNEL(compare_loops)[];
extern IntegerLoop *const KERNEL(integer_loops)[], *const KERNEL(compare_integer_loops)[];
extern LogicalLoop *const KERNEL(logical_loops)[];
extern CastLoop *const KERNEL(cast_loops)[ELEMENT_COUNT][ELEMENT_COUNT];

void KERNEL(select_loop)(const uint8_t *condition, int64_t conditionStride, const float *a, int64_t aStride, const float *b,
                         int64_t bStride, float *y, int64_t count);
void KERNEL(select_bool_loop)(const uint8_t *condition, int64_t conditionStride, const uint8_t *a, int64_t aStride,
                              const uint8_t *b, int64_t bStride, uint8_t *y, int64_t count);
