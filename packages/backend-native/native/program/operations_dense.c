// The kernels that do not care what dimensions mean, as operations; named as in kernels.h.
#include <string.h>
#include "define.h"

// ---- One value in, one value out

// operation · alpha · x, y
CHECK(unary) {
  REQUIRE_ARGUMENTS(1, 1, 2);
  REQUIRE(in->params[0] >= 0 && in->params[0] < UNARY_COUNT, "no such operation");
  REQUIRE(floats(in, 0, count_of(in, 1, sizeof(float))), "x and y differ in size");
  return NULL;
}
RUN(unary) {
  kernels->unary((UnaryOp)in->params[0], IN(float, 0), OUT(float, 1), count_of(in, 1, sizeof(float)), in->numbers[0]);
  return 0;
}

// Behind `first` params: sizes, strides of a, strides of b.
static Broadcast broadcast_of(const Instruction *in, int first) {
  Broadcast shape = {.rank = (in->paramCount - first) / 3};
  for (int i = 0; i < shape.rank; i++) {
    shape.sizes[i] = in->params[first + i];
    shape.a[i] = in->params[first + shape.rank + i];
    shape.b[i] = in->params[first + 2 * shape.rank + i];
  }
  return shape;
}

// The elements of the shape; 0 where it is none, or reaches beyond aCount or bCount.
static int64_t check_broadcast(const Instruction *in, int first, int64_t aCount, int64_t bCount) {
  const int length = in->paramCount - first;
  if (length < 3 || length % 3 || length > 3 * MAX_RANK) return 0;
  const int64_t elements = product(in->params + first, length / 3);
  if (elements == 0) return 0;
  const Broadcast shape = broadcast_of(in, first);
  int64_t a = 0, b = 0; // last element
  for (int i = 0; i < shape.rank; i++) {
    if (shape.a[i] < 0 || shape.b[i] < 0) return 0;
    a += (shape.sizes[i] - 1) * shape.a[i];
    b += (shape.sizes[i] - 1) * shape.b[i];
  }
  return a < aCount && b < bCount ? elements : 0;
}

static const char *check_pair(const Instruction *in, int operations, size_t ySize) {
  REQUIRE(in->paramCount > 1 && in->numberCount == 0 && in->operandCount == 3, "expected a shape and 3 operands");
  REQUIRE(in->params[0] >= 0 && in->params[0] < operations, "no such operation");
  const int64_t count = check_broadcast(in, 1, count_of(in, 0, sizeof(float)), count_of(in, 1, sizeof(float)));
  REQUIRE(count > 0, "not a shape, or beyond a or b");
  REQUIRE(holds(in, 2, count, ySize), "y has another size than the shape");
  return NULL;
}

// operation, sizes…, strides of a…, strides of b… · – · a, b, y
CHECK(binary) { return check_pair(in, BINARY_COUNT, sizeof(float)); }
RUN(binary) {
  const Broadcast shape = broadcast_of(in, 1);
  kernels->binary((BinaryOp)in->params[0], &shape, IN(float, 0), IN(float, 1), OUT(float, 2));
  return 0;
}

// The same; y has bytes.
CHECK(compare) { return check_pair(in, COMPARE_COUNT, 1); }
RUN(compare) {
  const Broadcast shape = broadcast_of(in, 1);
  kernels->compare((CompareOp)in->params[0], &shape, IN(float, 0), IN(float, 1), OUT(uint8_t, 2));
  return 0;
}

// – · – · condition (bytes), a, b, y; each of the inputs has y's length, or one element
CHECK(select) {
  REQUIRE_ARGUMENTS(0, 0, 4);
  const int64_t count = count_of(in, 3, sizeof(float));
  REQUIRE(floats(in, 3, count), "y is not of floats");
  REQUIRE(holds(in, 0, count, 1) || holds(in, 0, 1, 1), "condition has another size than y");
  for (int i = 1; i < 3; i++) REQUIRE(floats(in, i, count) || floats(in, i, 1), "a or b has another size than y");
  return NULL;
}
RUN(select) {
  const int64_t count = count_of(in, 3, sizeof(float)), bytes = in->bytes[3];
  kernels->select(IN(uint8_t, 0), IN(float, 1), IN(float, 2), OUT(float, 3), count, in->bytes[0] == count,
                  in->bytes[1] == bytes, in->bytes[2] == bytes);
  return 0;
}

// – · value · y
CHECK(fill) {
  REQUIRE_ARGUMENTS(0, 1, 1);
  REQUIRE(floats(in, 0, count_of(in, 0, sizeof(float))), "y is not of floats");
  return NULL;
}
RUN(fill) {
  kernels->fill(in->numbers[0], OUT(float, 0), count_of(in, 0, sizeof(float)));
  return 0;
}

// – · – · x (bytes), y
CHECK(cast_uint8) {
  REQUIRE_ARGUMENTS(0, 0, 2);
  REQUIRE(floats(in, 1, in->bytes[0]), "x and y differ in size");
  return NULL;
}
RUN(cast_uint8) {
  kernels->cast_uint8(IN(uint8_t, 0), OUT(float, 1), in->bytes[0]);
  return 0;
}

// – · – · x (int32), y
CHECK(cast_int32) {
  REQUIRE_ARGUMENTS(0, 0, 2);
  const int64_t count = count_of(in, 0, sizeof(int32_t));
  REQUIRE(holds(in, 0, count, sizeof(int32_t)) && floats(in, 1, count), "x and y differ in size");
  return NULL;
}
RUN(cast_int32) {
  kernels->cast_int32(IN(int32_t, 0), OUT(float, 1), count_of(in, 0, sizeof(int32_t)));
  return 0;
}

// – · – · x…, y
CHECK(add_n) {
  REQUIRE(in->paramCount == 0 && in->numberCount == 0 && in->operandCount > 1, "expected inputs and y");
  const int64_t count = count_of(in, in->operandCount - 1, sizeof(float));
  for (int i = 0; i < in->operandCount; i++) REQUIRE(floats(in, i, count), "the operands differ in size");
  return NULL;
}
RUN(add_n) {
  const int last = in->operandCount - 1;
  kernels->add_n((const float *const *)in->memory, last, OUT(float, last), count_of(in, last, sizeof(float)));
  return 0;
}

// ---- Reductions, moves, products

// operation, outer, reduced, inner · – · x, y
CHECK(reduce) {
  REQUIRE_ARGUMENTS(4, 0, 2);
  REQUIRE(in->params[0] >= 0 && in->params[0] < REDUCE_COUNT, "no such operation");
  REQUIRE(floats(in, 0, product(in->params + 1, 3)), "x has another size than outer · reduced · inner");
  REQUIRE(floats(in, 1, product((const int32_t[]){in->params[1], in->params[3]}, 2)),
          "y has another size than outer · inner");
  return NULL;
}
RUN(reduce) {
  const int32_t *p = in->params;
  return kernels->reduce((ReduceOp)p[0], IN(float, 0), OUT(float, 1), p[1], p[2], p[3]);
}

// x's offset, y's offset, sizes…, strides of x…, strides of y… · – · x, y
CHECK(copy) {
  REQUIRE(in->paramCount > 2 && in->numberCount == 0 && in->operandCount == 2, "expected a shape and 2 operands");
  REQUIRE(in->params[0] >= 0 && in->params[1] >= 0, "an offset is negative");
  const int64_t x = count_of(in, 0, sizeof(float)), y = count_of(in, 1, sizeof(float));
  REQUIRE(check_broadcast(in, 2, x - in->params[0], y - in->params[1]) > 0, "not a shape, or beyond x or y");
  return NULL;
}
RUN(copy) {
  const Broadcast shape = broadcast_of(in, 2);
  kernels->copy(&shape, IN(float, 0) + in->params[0], OUT(float, 1) + in->params[1]);
  return 0;
}

// batch, m, k, n, transposeA, transposeB, repeatA, repeatB · – · a, b, y
CHECK(mat_mul) {
  REQUIRE_ARGUMENTS(8, 0, 3);
  const int32_t *p = in->params;
  REQUIRE(floats(in, 0, product((const int32_t[]){p[6] ? 1 : p[0], p[1], p[2]}, 3)), "a has another size than the shape");
  REQUIRE(floats(in, 1, product((const int32_t[]){p[7] ? 1 : p[0], p[2], p[3]}, 3)), "b has another size than the shape");
  REQUIRE(floats(in, 2, product((const int32_t[]){p[0], p[1], p[3]}, 3)), "y has another size than the shape");
  return NULL;
}
RUN(mat_mul) {
  const int32_t *p = in->params;
  const MatMulShape shape = {
      .batch = p[0], .m = p[1], .k = p[2], .n = p[3], .transposeA = p[4] != 0, .transposeB = p[5] != 0,
      .strideA = p[6] ? 0 : (int64_t)p[1] * p[2], .strideB = p[7] ? 0 : (int64_t)p[2] * p[3]};
  return kernels->mat_mul(&shape, IN(float, 0), IN(float, 1), OUT(float, 2));
}

const Operation operations_dense[] = {
    OPERATION(unary),      OPERATION(binary),     OPERATION(compare), OPERATION(select), OPERATION(fill),
    OPERATION(cast_uint8), OPERATION(cast_int32), OPERATION(add_n),   OPERATION(reduce), OPERATION(copy),
    OPERATION(mat_mul),    OPERATIONS_END};
