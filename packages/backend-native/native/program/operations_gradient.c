// The gradient by the filter of convolutions on blocked tensors: 3x3, or, `upsampled`, of doubling and then 2x2.
#include "define.h"

enum { PARAMS = 6 };

// batch, height, width (x's), upsampled, exact, channels of dy, channels of each part… · – · dy, part…, dfilter, dbias?
// Exact: by the definition; else 3x3 by Winograd's transforms. The form of `upsampled` is exact enough.
CHECK(blocked_filter_gradient) {
  const int parts = in->paramCount - PARAMS;
  REQUIRE(parts > 0 && parts <= BLOCKED_PARTS && in->numberCount == 0 && in->operandCount == parts + 3,
          "expected channels of 1 to 8 parts, and operands to match");
  const int scale = in->params[3] ? 2 : 1, channels = in->params[5];
  REQUIRE(in->params[1] > 0 && in->params[1] <= INT32_MAX / 2 && in->params[2] > 0 && in->params[2] <= INT32_MAX / 2,
          "height or width is not from 1 to 2^30");
  const BlockedShape dy = {in->params[0], in->params[1] * scale, in->params[2] * scale, channels};
  REQUIRE(blocked(in, 0, dy), "dy has another size than the shape, or its channels are no multiple of 16");
  int64_t inputs = 0;
  for (int i = 0; i < parts; i++) {
    const BlockedShape part = {in->params[0], in->params[1], in->params[2], in->params[PARAMS + i]};
    REQUIRE(blocked(in, 1 + i, part), "a part has another size than the shape, or its channels are no multiple of 16");
    inputs += part.channels;
  }
  REQUIRE(inputs <= INT32_MAX, "too many channels");
  const int32_t filter[] = {in->params[3] ? 4 : 9, (int32_t)inputs, channels};
  REQUIRE(floats(in, parts + 1, product(filter, 3)), "dfilter has another size than the filter's taps and channels");
  REQUIRE(absent(in, parts + 2) || floats(in, parts + 2, channels), "dbias has another size than dy's channels");
  return NULL;
}
RUN(blocked_filter_gradient) {
  const int parts = in->paramCount - PARAMS;
  BlockedFilterGradient g = {.batch = in->params[0], .height = in->params[1], .width = in->params[2], .partCount = parts,
                             .outChannels = in->params[5], .dy = IN(float, 0), .upsampled = in->params[3], .exact = in->params[4],
                             .dfilter = OUT(float, parts + 1), .dbias = OUT(float, parts + 2)};
  for (int i = 0; i < parts; i++) g.parts[i] = (BlockedPart){IN(float, 1 + i), in->params[PARAMS + i]};
  return kernels->blocked_filter_gradient(&g);
}

const Operation operations_gradient[] = {OPERATION(blocked_filter_gradient), OPERATIONS_END};
