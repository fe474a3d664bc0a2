// An instruction `elementwise` as its kernel takes it.
#pragma once
#include "../kernels/chain.h"
#include "operation.h"

// NULL, or what is wrong. Where the instruction has no memory, nor has the chain, which can then only be checked.
const char *chain_read(const Instruction *in, Chain *chain);
