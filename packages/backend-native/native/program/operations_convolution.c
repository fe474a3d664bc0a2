// Conversions between dense and blocked tensors, and the 3x3 convolution of blocked ones. Params begin with batch, height,
// width. Blocked tensors lie on cache lines; whose channels are named, they are multiples of 16.
#include "define.h"

static BlockedShape shape_of(const Instruction *in, int channels) {
  return (BlockedShape){in->params[0], in->params[1], in->params[2], channels};
}

// ---- Conversions

static const char *check_conversion(const Instruction *in, int dense, int blocked_) {
  REQUIRE_ARGUMENTS(4, 0, 2);
  REQUIRE(floats(in, dense, product(in->params, 4)), "the dense tensor has another size than the shape");
  REQUIRE(blocked(in, blocked_, shape_of(in, in->params[3])), "the blocked tensor has another size than the shape, or its channels are no multiple of 16");
  return NULL;
}

// batch, height, width, channels · – · x, y
CHECK(to_blocked) { return check_conversion(in, 0, 1); }
RUN(to_blocked) {
  kernels->to_blocked(shape_of(in, in->params[3]), IN(float, 0), OUT(float, 1));
  return 0;
}

// batch, height, width, channels · – · x, y
CHECK(to_dense) { return check_conversion(in, 1, 0); }
RUN(to_dense) {
  kernels->to_dense(shape_of(in, in->params[3]), IN(float, 0), OUT(float, 1));
  return 0;
}

// ---- 3x3 convolution, stride 1, SAME

// The sum of the channels that begin at params[first], one for each part; 0 where there are too many, or they are too large.
static int channels_of(const Instruction *in, int first, int parts) {
  int64_t sum = 0;
  if (parts < 1 || parts > BLOCKED_PARTS) return 0;
  for (int i = 0; i < parts; i++) {
    if (in->params[first + i] < 1) return 0;
    sum += in->params[first + i];
  }
  return sum <= INT32_MAX / 2 ? (int)sum : 0;
}

#define REQUIRE_CONVOLUTION(filterOperand, in_, out_)                                                                    \
  REQUIRE((in_) > 0 && (out_) > 0, "channels are not positive, or of more than 8 parts");                                \
  REQUIRE(floats(in, filterOperand, product((const int32_t[]){9, in_, out_}, 3)), "the filter has another size than 3x3 of the channels")

enum { CONVOLUTION_PARAMS = 6, GRADIENT_PARAMS = 5 };

// batch, height, width, activation (not elu or sigmoid), exact, channels of y, channels of each part… · alpha ·
// filter, bias?, part…, y, pooled?
// Exact: directly; else by Winograd's algorithm. Pooled has height / 2 and width / 2, rounded down.
CHECK(blocked_convolution) {
  const int parts = in->paramCount - CONVOLUTION_PARAMS;
  REQUIRE(parts > 0 && in->numberCount == 1 && in->operandCount == parts + 4, "expected channels of each part, and operands to match");
  const int channels = in->params[5], input = channels_of(in, CONVOLUTION_PARAMS, parts);
  REQUIRE_CONVOLUTION(0, input, channels);
  REQUIRE(is_epilogue(in->params[3]), "no activation for an epilogue");
  REQUIRE(absent(in, 1) || floats(in, 1, channels), "bias has another size than y's channels");
  for (int i = 0; i < parts; i++)
    REQUIRE(blocked(in, 2 + i, shape_of(in, in->params[CONVOLUTION_PARAMS + i])), "a part has another size than the shape");
  REQUIRE(blocked(in, parts + 2, shape_of(in, channels)), "y has another size than the shape");
  const BlockedShape pooled = {in->params[0], in->params[1] / 2, in->params[2] / 2, channels};
  REQUIRE(absent(in, parts + 3) || blocked(in, parts + 3, pooled), "pooled has another size than half the shape");
  return NULL;
}
RUN(blocked_convolution) {
  const int parts = in->paramCount - CONVOLUTION_PARAMS, channels = in->params[5];
  BlockedConvolution c = {.batch = in->params[0], .height = in->params[1], .width = in->params[2],
                          .filter = IN(float, 0), .bias = IN(float, 1), .activation = (Activation)in->params[3],
                          .alpha = in->numbers[0], .partCount = parts, .outputCount = 1,
                          .outputs = {{OUT(float, parts + 2), channels, NULL}}, .pooled = OUT(float, parts + 3)};
  for (int i = 0; i < parts; i++) c.parts[i] = (BlockedPart){IN(float, 2 + i), in->params[CONVOLUTION_PARAMS + i]};
  return (in->params[4] ? kernels->blocked_convolution_exact : kernels->blocked_convolution)(&c);
}

// batch, height, width, exact, channels of dy, channels of each dx… · – · dy, filter, mask?…, dx…
// A dx may be its mask's memory.
CHECK(blocked_convolution_input_gradient) {
  const int parts = in->paramCount - GRADIENT_PARAMS;
  REQUIRE(parts > 0 && in->numberCount == 0 && in->operandCount == 2 * parts + 2, "expected channels of each dx, and operands to match");
  const int channels = in->params[4], output = channels_of(in, GRADIENT_PARAMS, parts);
  REQUIRE_CONVOLUTION(1, output, channels);
  REQUIRE(blocked(in, 0, shape_of(in, channels)), "dy has another size than the shape");
  for (int i = 0; i < parts; i++) {
    const BlockedShape shape = shape_of(in, in->params[GRADIENT_PARAMS + i]);
    REQUIRE(absent(in, 2 + i) || blocked(in, 2 + i, shape), "a mask has another size than the shape");
    REQUIRE(blocked(in, parts + 2 + i, shape), "a dx has another size than the shape");
  }
  return NULL;
}
RUN(blocked_convolution_input_gradient) {
  const int parts = in->paramCount - GRADIENT_PARAMS;
  BlockedConvolution c = {.batch = in->params[0], .height = in->params[1], .width = in->params[2], .filter = IN(float, 1),
                          .gradient = 1, .activation = ACTIVATION_linear, .partCount = 1, .outputCount = parts,
                          .parts = {{IN(float, 0), in->params[4]}}};
  for (int i = 0; i < parts; i++)
    c.outputs[i] = (BlockedOutput){OUT(float, parts + 2 + i), in->params[GRADIENT_PARAMS + i], IN(float, 2 + i)};
  return (in->params[3] ? kernels->blocked_convolution_exact : kernels->blocked_convolution)(&c);
}

const Operation operations_convolution[] = {OPERATION(to_blocked), OPERATION(to_dense), OPERATION(blocked_convolution),
                                            OPERATION(blocked_convolution_input_gradient), OPERATIONS_END};
