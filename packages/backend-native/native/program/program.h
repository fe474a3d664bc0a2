// A program: instructions, and the buffers that they work on. Checked in full when it is made and never changed after that,
// so that a run can only fail for want of memory.
#pragma once
#include <stddef.h>
#include "operation.h"

typedef enum { BUFFER_INPUT, BUFFER_OUTPUT, BUFFER_ARENA } BufferKind;

typedef struct {
  BufferKind kind;
  int64_t place; // which input or output; or bytes from the arena's beginning, a multiple of 64
  int64_t bytes;
} Buffer;

// A program as it comes: nothing in it is to be trusted. Code has for each instruction the operation's number, how many params,
// numbers and operands follow, its params, and its operands: buffers, or -1 where one is left out. The numbers of all
// instructions lie one behind the other. Buffers have kind, place and bytes each.
typedef struct {
  const int32_t *code;
  const float *numbers;
  const double *buffers;
  int64_t codeLength, numberLength, bufferLength;
} ProgramSource;

typedef struct {
  int instructionCount, maxOperands; // maxOperands: of one instruction
  int inputCount, outputCount;
  int64_t arenaBytes;
  int64_t *arrayBytes; // of each input, then of each output
  const Operation **operations;
  Instruction *instructions; // without `memory`, which each run has for itself
  const Buffer **operands;   // of all instructions, one behind the other; NULL where one is left out
  // What the instructions point into.
  int32_t *code;
  float *numbers;
  Buffer *buffers;
  int64_t *operandBytes;
} Program;

// NULL where something is wrong: `error` says what, in one line.
Program *program_create(const ProgramSource *source, char *error, size_t errorSize);
void program_free(Program *program);

// `arrays`: inputs, then outputs, each as long as arrayBytes says. `memory`: room for maxOperands pointers. `times`: NULL, or
// room for two numbers an instruction: when it began and how long it took, in milliseconds. Returns -1, or the number of
// the instruction that found no memory.
int program_run(const Program *program, const Kernels *kernels, void *const *arrays, char *arena, void **memory, double *times);
