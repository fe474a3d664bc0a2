// What the files of operations share. Beside each operation its file says: params · numbers · operands, inputs first; `?`
// may be left out. A check proves from sizes alone that `run` stays inside its operands.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "operation.h"

#define CHECK(name) static const char *check_##name(const Instruction *in)
#define RUN(name) static int run_##name(const Kernels *kernels, const Instruction *in)
#define OPERATION(name) {#name, check_##name, run_##name}
#define OPERATIONS_END {0}

#define IN(type, operand) ((const type *)in->memory[operand])
#define OUT(type, operand) ((type *)in->memory[operand])

#define REQUIRE(condition, message) \
  if (!(condition)) return message
#define REQUIRE_ARGUMENTS(params, numbers, operands)                                                   \
  REQUIRE(in->paramCount == (params) && in->numberCount == (numbers) && in->operandCount == (operands), \
          "expected " #params " params, " #numbers " numbers, " #operands " operands")

// The product of `n` sizes; 0 where one is not positive, or beyond 2^40.
static inline int64_t product(const int32_t *sizes, int n) {
  int64_t result = 1;
  for (int i = 0; i < n; i++) {
    if (sizes[i] < 1 || result > (INT64_C(1) << 40) / sizes[i]) return 0;
    result *= sizes[i];
  }
  return result;
}

// Elements of an operand, if all of them were of `size` bytes.
static inline int64_t count_of(const Instruction *in, int operand, size_t size) {
  return in->bytes[operand] / (int64_t)size;
}

// Has the operand exactly `count` elements, and at least one?
static inline bool holds(const Instruction *in, int operand, int64_t count, size_t size) {
  return count > 0 && in->bytes[operand] == count * (int64_t)size;
}
static inline bool floats(const Instruction *in, int operand, int64_t count) {
  return holds(in, operand, count, sizeof(float));
}

static inline bool absent(const Instruction *in, int operand) { return in->bytes[operand] == 0; }
// No shape of a blocked tensor, no operand.
static inline bool blocked(const Instruction *in, int operand, BlockedShape s) { return in->bytes[operand] == blocked_bytes(s); }

// Can an epilogue of a blocked convolution do it?
static inline bool is_epilogue(int activation) {
  return activation == ACTIVATION_linear || activation == ACTIVATION_relu || activation == ACTIVATION_relu6 || activation == ACTIVATION_leakyrelu;
}
