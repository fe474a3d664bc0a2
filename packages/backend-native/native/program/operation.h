// What an instruction of a program may be. Operations come in tables, one a file of this folder; program.c joins them.
#pragma once
#include <stdint.h>
#include "../kernels/kernels.h"

// What an instruction is given: all but `memory` is known when the program is made.
typedef struct {
  const int32_t *params; // sizes and switches
  int paramCount;
  const float *numbers;
  int numberCount;
  const int64_t *bytes; // of each operand, inputs first; 0 where one is left out
  void *const *memory;  // of each operand; NULL where one is left out. NULL as a whole in `check`
  int operandCount;
} Instruction;

typedef struct {
  const char *name;
  // NULL where `run` would stay inside its operands; otherwise what is wrong. Looks at nothing but sizes and params.
  const char *(*check)(const Instruction *);
  // 0, or 1 where memory ran out.
  int (*run)(const Kernels *, const Instruction *);
} Operation;
