// Optimizers' steps.
#include <stdlib.h>
#include <string.h>
#include "define.h"

enum { SHARED = 4, INPUTS = 5, OUTPUTS = 4 }; // operands: of all variables; of each

static int variables_of(const Instruction *in) { return (in->operandCount - SHARED) / (INPUTS + OUTPUTS); }
static int first_input(int variable) { return SHARED + variable * INPUTS; }
static int first_output(int variable, int variables) { return SHARED + variables * INPUTS + variable * OUTPUTS; }

// – · decay, momentum, epsilon · learningRate, condition? (a byte), weightDecay?, lossScale? (one value each),
// then for each variable: variable, meanSquare, meanGradient, momentum, gradient,
// then for each variable: its first four anew, which may lie where they lay. Where the condition is 0 they stay.
// The gradient is first (gradient + weightDecay·variable) / lossScale.
CHECK(rmsprop) {
  REQUIRE(in->paramCount == 0 && in->numberCount == 3, "expected 0 params and 3 numbers");
  const int variables = variables_of(in);
  REQUIRE(variables > 0 && in->operandCount == first_output(variables, variables), "expected 4 operands and 9 for each variable");
  REQUIRE(floats(in, 0, 1), "the learning rate is not a single value");
  REQUIRE(in->bytes[1] == 0 || holds(in, 1, 1, 1), "the condition is not a single value");
  for (int i = 2; i < SHARED; i++) REQUIRE(in->bytes[i] == 0 || floats(in, i, 1), "weight decay or loss scale is not a single value");
  for (int i = 0; i < variables; i++) {
    const int inputs = first_input(i), outputs = first_output(i, variables);
    const int64_t count = count_of(in, inputs, sizeof(float));
    for (int k = 0; k < INPUTS; k++) REQUIRE(floats(in, inputs + k, count), "a variable, its slots and its gradient differ in size");
    for (int k = 0; k < OUTPUTS; k++) REQUIRE(floats(in, outputs + k, count), "a variable's outputs have another size than it has");
  }
  return NULL;
}
RUN(rmsprop) {
  const int variables = variables_of(in);
  RMSPropTensor *tensors = malloc((size_t)variables * sizeof *tensors);
  if (!tensors) return 1;
  for (int i = 0; i < variables; i++) {
    tensors[i].count = count_of(in, first_input(i), sizeof(float));
    for (int k = 0; k < INPUTS; k++) tensors[i].in[k] = IN(float, first_input(i) + k);
    for (int k = 0; k < OUTPUTS; k++) tensors[i].out[k] = OUT(float, first_output(i, variables) + k);
  }
  if (!in->memory[1] || *IN(uint8_t, 1)) {
    const RMSPropOptions options = {*IN(float, 0), in->numbers[0], in->numbers[1], in->numbers[2], IN(float, 2), IN(float, 3)};
    kernels->rmsprop(&options, tensors, variables);
  } else {
    for (int i = 0; i < variables; i++)
      for (int k = 0; k < OUTPUTS; k++) memmove(tensors[i].out[k], tensors[i].in[k], (size_t)tensors[i].count * sizeof(float));
  }
  free(tensors);
  return 0;
}

const Operation operations_optimizer[] = {OPERATION(rmsprop), OPERATIONS_END};
