// Chains of elementwise operations.
#include "chain.h"
#include "define.h"

// The shape that all inputs broadcast to: rank (1 to 8), sizes…
// inputs: how many (≤ 64), then for each: type (0 float, 1 bool, 2 int32), its stride in every dimension, 0 where it repeats
// steps: how many, then for each five: kind, operation, a, b, c
//   0 unary: UnaryOp of a; b is which of the numbers is its alpha, or −1     1 binary: BinaryOp of a and b
//   2 compare: CompareOp of a and b, floats or int32, to bool                 3 select, operation 0: a ? b : c; a is a bool
//   4 cast: a to the type that the operation is                               5 integer: IntegerOp of a and b, int32
//   6 logical: LogicalOp of a and b, bool
//   What is not named may be anything. Values are counted: inputs, then numbers (floats), then steps.
// outputs: how many (≤ 32), then for each: value. They have the shape; a bool's are bytes.
// reductions: how many (≤ 32), then for each: value, ReduceOp. Over all elements, to one float.
// blocked: 0; or 1, batch, height, width, channels: the shape is that of such blocked tensors, [n, c/16, H+2, W+2, 16] or in
//   fewer dimensions, inputs as large as it are blocked, too, and the outputs' zeros are written again. No reductions then.
// · constants (≤ 256 with inputs and steps) · inputs…, outputs…, reductions…
// An output may lie where a dense input of its shape and type lies.
CHECK(elementwise) {
  Chain chain;
  return chain_read(in, &chain);
}
RUN(elementwise) {
  Chain chain;
  chain_read(in, &chain);
  return kernels->elementwise(&chain);
}

const Operation operations_elementwise[] = {OPERATION(elementwise), OPERATIONS_END};
