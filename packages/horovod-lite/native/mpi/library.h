// The part of Open MPI that is used. Its handles are the addresses of objects that its library exports.
#pragma once
#include <stddef.h>

typedef void *Handle;
typedef void UserFunction(void *in, void *inout, int *count, Handle *type);

#define IN_PLACE ((void *)1) /* MPI_IN_PLACE */
#define SERIALIZED 2         /* MPI_THREAD_SERIALIZED */
#define NOBODY (-2)          /* MPI_PROC_NULL */
#define ERROR_TEXT 512       /* MPI_MAX_ERROR_STRING is 256 */

#define MPI_FUNCTIONS(X)                                                                                           \
  X(Initialized, (int *))                                                                                          \
  X(Finalized, (int *))                                                                                            \
  X(Init_thread, (int *, char ***, int, int *))                                                                    \
  X(Query_thread, (int *))                                                                                         \
  X(Finalize, (void))                                                                                              \
  X(Comm_rank, (Handle, int *))                                                                                    \
  X(Comm_size, (Handle, int *))                                                                                    \
  X(Comm_set_errhandler, (Handle, Handle))                                                                         \
  X(Error_string, (int, char *, int *))                                                                            \
  X(Op_create, (UserFunction *, int, Handle *))                                                                    \
  X(Allreduce, (const void *, void *, int, Handle, Handle, Handle))                                                \
  X(Bcast, (void *, int, Handle, int, Handle))                                                                     \
  X(Allgatherv, (const void *, int, Handle, void *, const int *, const int *, Handle, Handle))                     \
  X(Sendrecv, (const void *, int, Handle, int, int, void *, int, Handle, int, int, Handle, void *))

#define MPI_OBJECTS(X) X(comm_world) X(byte) X(float) X(int32_t) X(uint16_t) X(op_sum) X(errors_return)

#define DECLARE_FUNCTION(name, arguments) int(*name) arguments;
#define DECLARE_OBJECT(name) Handle ompi_##name;

typedef struct {
  MPI_FUNCTIONS(DECLARE_FUNCTION)
  MPI_OBJECTS(DECLARE_OBJECT)
} Library;

extern Library mpi;

// Opens it once, for whichever thread is the first; NULL, or what is wrong.
const char *mpi_open(const char *path);
