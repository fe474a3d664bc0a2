// Open MPI, opened at run time by the names that its library exports: no headers and no linking, so that one binary
// works with every version that has libmpi.so.40 (3, 4 and 5).
#pragma once
#include "../reduce.h"

// All that return text return NULL, or what is wrong.

// Whether the library can be opened: `path` where it is not NULL, else the system's.
const char *mpi_find(const char *path);
// Takes this process's place; again after mpi_leave().
const char *mpi_start(const char *path);
int mpi_rank(void);
int mpi_size(void);
const char *mpi_allreduce(const void *input, void *output, size_t bytes, WireType type, Reduction op);
const char *mpi_broadcast(void *data, size_t bytes, int root);
const char *mpi_allgather(const void *input, void *output, const double *counts);
const char *mpi_alltoall(const void *input, const double *send, void *output, const double *receive);
// The process has said goodbye to the others: MPI ends with it, and not before, since it cannot be started twice.
void mpi_leave(void);
