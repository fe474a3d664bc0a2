// Nearest doubling and a 2x2 convolution (stride 1, SAME) of blocked tensors in one, and its gradient by the input. The one by
// the filter is in operations_gradient.c. Params begin with x's batch, height, width and channels, and y's channels.
#include "define.h"

static BlockedShape x_shape(const Instruction *in) {
  return (BlockedShape){in->params[0], in->params[1], in->params[2], in->params[3]};
}

static const char *check_sizes(const Instruction *in, int x, int filter, int y) {
  REQUIRE(in->params[1] > 0 && in->params[1] <= INT32_MAX / 2 && in->params[2] > 0 && in->params[2] <= INT32_MAX / 2,
          "height or width is not from 1 to 2^30");
  const BlockedShape doubled = {in->params[0], 2 * in->params[1], 2 * in->params[2], in->params[4]};
  REQUIRE(blocked(in, x, x_shape(in)), "x has another size than the shape, or its channels are no multiple of 16");
  REQUIRE(blocked(in, y, doubled), "y has another size than twice the shape, or its channels are no multiple of 16");
  REQUIRE(floats(in, filter, product((const int32_t[]){4, in->params[3], in->params[4]}, 3)), "the filter has another size than 2x2 of the channels");
  return NULL;
}

// x's shape, y's channels, activation (not elu or sigmoid) · alpha · x, filter, bias?, y
CHECK(upsampled_convolution) {
  REQUIRE_ARGUMENTS(6, 1, 4);
  REQUIRE(is_epilogue(in->params[5]), "no activation for an epilogue");
  REQUIRE(absent(in, 2) || floats(in, 2, in->params[4]), "bias has another size than y's channels");
  return check_sizes(in, 0, 1, 3);
}
RUN(upsampled_convolution) {
  return kernels->upsampled_convolution(x_shape(in), in->params[4], IN(float, 0), IN(float, 1), IN(float, 2),
                                        (Activation)in->params[5], in->numbers[0], OUT(float, 3));
}

// x's shape, dy's channels · – · dy, filter, mask?, dx
// dx is 0 where the mask is not positive, and may be the mask's memory.
CHECK(upsampled_input_gradient) {
  REQUIRE_ARGUMENTS(5, 0, 4);
  REQUIRE(absent(in, 2) || in->bytes[2] == in->bytes[3], "the mask has another size than dx");
  return check_sizes(in, 3, 1, 0);
}
RUN(upsampled_input_gradient) {
  return kernels->upsampled_input_gradient(x_shape(in), in->params[4], IN(float, 0), IN(float, 1), IN(float, 2), OUT(float, 3));
}

const Operation operations_upsampled[] = {OPERATION(upsampled_convolution), OPERATION(upsampled_input_gradient), OPERATIONS_END};
