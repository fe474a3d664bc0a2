// Operations by name. The lists make the enums here and the tables of names that the addon hands to JavaScript, so that
// no number is written twice.
#pragma once
#include <stdint.h>

#define UNARY_OPS(X) \
  X(abs) X(elu) X(exp) X(expm1) X(leakyRelu) X(log) X(log1p) X(neg) X(reciprocal) X(relu) X(relu6) X(rsqrt) \
  X(sigmoid) X(softplus) X(sqrt) X(square) X(step) X(tanh)

#define BINARY_OPS(X) \
  X(add) X(sub) X(mul) X(realDiv) X(maximum) X(minimum) X(squaredDifference) X(reluGrad) X(prelu) X(pow)

#define COMPARE_OPS(X) X(equal) X(notEqual) X(greater) X(greaterEqual) X(less) X(lessEqual)

// Of int32 and of bool; they exist in chains only.
#define INTEGER_OPS(X) X(add) X(sub) X(mul) X(floorDiv) X(maximum) X(minimum)
#define LOGICAL_OPS(X) X(and) X(or) X(not)

#define REDUCE_OPS(X) X(sum) X(mean) X(max) X(min)

#define ACTIVATIONS(X) X(linear) X(relu) X(relu6) X(elu) X(leakyrelu) X(sigmoid)

#define ENUM_UNARY(name) UNARY_##name,
#define ENUM_BINARY(name) BINARY_##name,
#define ENUM_COMPARE(name) COMPARE_##name,
#define ENUM_INTEGER(name) INTEGER_##name,
#define ENUM_LOGICAL(name) LOGICAL_##name,
#define ENUM_REDUCE(name) REDUCE_##name,
#define ENUM_ACTIVATION(name) ACTIVATION_##name,
typedef enum { UNARY_OPS(ENUM_UNARY) UNARY_COUNT } UnaryOp;
typedef enum { BINARY_OPS(ENUM_BINARY) BINARY_COUNT } BinaryOp;
typedef enum { COMPARE_OPS(ENUM_COMPARE) COMPARE_COUNT } CompareOp;
typedef enum { INTEGER_OPS(ENUM_INTEGER) INTEGER_COUNT } IntegerOp;
typedef enum { LOGICAL_OPS(ENUM_LOGICAL) LOGICAL_COUNT } LogicalOp;
typedef enum { REDUCE_OPS(ENUM_REDUCE) REDUCE_COUNT } ReduceOp;
typedef enum { ACTIVATIONS(ENUM_ACTIVATION) ACTIVATION_COUNT } Activation;

typedef struct {
  int64_t batch, m, k, n;
  int transposeA, transposeB;
  int64_t strideA, strideB; // elements from one matrix of the batch to the next; 0 repeats it
} MatMulShape;

typedef struct {
  float learningRate, decay, momentum, epsilon;
  // NULL, or one value: the gradient is first (gradient + weightDecay·variable) / lossScale.
  const float *weightDecay, *lossScale;
} RMSPropOptions;

// A variable's part of a step.
typedef struct {
  const float *in[5]; // variable, mean square, mean gradient, momentum, gradient
  float *out[4];      // the first four, updated
  int64_t count;
} RMSPropTensor;
