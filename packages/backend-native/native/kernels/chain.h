// A chain of elementwise operations over one shape, as the kernel `elementwise` takes it. Values have numbers: first the
// inputs, then the constants, then each step's result. program/chain.c makes it of an instruction.
#pragma once
#include <stdint.h>
#include "blocked/layout.h"
#include "operations.h"

enum { CHAIN_VALUES = 256, CHAIN_INPUTS = 64, CHAIN_RESULTS = 32, CHAIN_SLOTS = 64, CHAIN_RANK = 8 };

typedef enum { ELEMENT_FLOAT, ELEMENT_BOOL /* a byte */, ELEMENT_INT, ELEMENT_COUNT } Element;
typedef enum { STEP_UNARY, STEP_BINARY, STEP_COMPARE, STEP_SELECT, STEP_CAST, STEP_INTEGER, STEP_LOGICAL, STEP_COUNT } StepKind;

typedef struct {
  StepKind kind;
  int operation; // UnaryOp, BinaryOp, CompareOp, IntegerOp, LogicalOp; of a cast the Element that it gives
  int a, b, c;   // values; for select a is the condition
  float alpha;   // of a unary operation
} ChainStep;

// How an input that is neither dense nor single is read.
typedef struct {
  int rank;
  int64_t sizes[CHAIN_RANK], strides[CHAIN_RANK];
} ChainWalk;

typedef struct {
  Element element;
  int single;   // one value stands for all
  char *memory; // an input's, a constant's or an output's; NULL: the value lives in a slot of scratch
  int slot;
  int walk;     // number of its walk, or −1: dense or single
} ChainValue;

typedef struct {
  int value;
  ReduceOp op; // of a reduction
  void *memory;
  int direct; // of an output: the step writes it where it belongs
} ChainResult;

typedef struct {
  int64_t count;
  int inputs, constants, steps, outputs, reductions, slots;
  ChainWalk walks[CHAIN_INPUTS];
  ChainValue values[CHAIN_VALUES];
  ChainStep step[CHAIN_VALUES];
  ChainResult output[CHAIN_RESULTS], reduction[CHAIN_RESULTS];
  int blocked; // the shape is a blocked tensor's, and so are the outputs: their zeros are written again
  BlockedShape shape;
} Chain;

static const int element_sizes[] = {[ELEMENT_FLOAT] = 4, [ELEMENT_BOOL] = 1, [ELEMENT_INT] = 4};
