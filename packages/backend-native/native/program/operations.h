// All operations, by number and name.
#pragma once
#include "operation.h"

// The files of operations: each has a table `operations_NAME`, which ends with an operation that has no name.
#define OPERATION_TABLES(X) \
  X(blocked) X(convolution) X(dense) X(elementwise) X(gradient) X(image) X(optimizer) X(upsampled)

// NULL beyond the last one.
const Operation *operation_at(int64_t number);
