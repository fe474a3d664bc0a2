#define _GNU_SOURCE
#include "mpi.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

// Open MPI's handles are addresses of objects that its library exports.
typedef void *Handle;
typedef void UserFunction(void *in, void *inout, int *count, Handle *type);

#define IN_PLACE ((void *)1)
#define SERIALIZED 2
#define LARGEST (1 << 30) /* bytes in one call: counts are int */

static void *library;
static bool started;
static int rank, size;
static Handle world, byte_type, float_type, int_type;
static Handle operations[BFLOAT16 + 1][PRODUCT + 1];

#define FUNCTIONS(X)                                                                            \
  X(Initialized, (int *))                                                                       \
  X(Finalized, (int *))                                                                         \
  X(Init_thread, (int *, char ***, int, int *))                                                 \
  X(Finalize, (void))                                                                           \
  X(Comm_rank, (Handle, int *))                                                                 \
  X(Comm_size, (Handle, int *))                                                                 \
  X(Comm_set_errhandler, (Handle, Handle))                                                      \
  X(Error_string, (int, char *, int *))                                                         \
  X(Op_create, (UserFunction *, int, Handle *))                                                 \
  X(Allreduce, (const void *, void *, int, Handle, Handle, Handle))                             \
  X(Bcast, (void *, int, Handle, int, Handle))                                                  \
  X(Sendrecv, (const void *, int, Handle, int, int, void *, int, Handle, int, int, Handle, void *))

#define DECLARE(NAME, ARGUMENTS) static int(*NAME) ARGUMENTS;
FUNCTIONS(DECLARE)

static const char *open_library(const char *path) {
  const char *names[] = {path, "libmpi.so.40", "libmpi.so", "libmpi.40.dylib", "libmpi.dylib"};
  for (size_t i = 0; i < sizeof names / sizeof *names && !library; i++)
    if (names[i] && *names[i]) library = dlopen(names[i], RTLD_NOW | RTLD_GLOBAL);
  if (!library) return "libmpi.so.40 was not found; install Open MPI (on Debian: apt-get install openmpi-bin), or set HOROVOD_MPI_LIBRARY to its path";
  world = dlsym(library, "ompi_mpi_comm_world");
  if (!world) return "the MPI library is not Open MPI, which is expected; set HOROVOD_MPI_LIBRARY to Open MPI's libmpi.so.40";
#define RESOLVE(NAME, ARGUMENTS)                        \
  *(void **)&NAME = dlsym(library, "MPI_" #NAME);       \
  if (!NAME) return "the MPI library has no MPI_" #NAME;
  FUNCTIONS(RESOLVE)
  byte_type = dlsym(library, "ompi_mpi_byte");
  float_type = dlsym(library, "ompi_mpi_float");
  int_type = dlsym(library, "ompi_mpi_int32_t");
  return byte_type && float_type && int_type ? NULL : "the MPI library lacks datatypes of Open MPI";
}

const char *mpi_find(const char *path) {
  return open_library(path);
}

static const char *check(int code) {
  static _Thread_local char text[512];
  if (code == 0) return NULL;
  int length = 0;
  if (Error_string(code, text, &length) != 0) snprintf(text, sizeof text, "MPI error %d", code);
  return text;
}

// What MPI has no operation for, or one with other bits for NaN: count is in elements of `type`'s size.
#define USER(TYPE, OP)                                                       \
  static void user_##TYPE##_##OP(void *in, void *inout, int *count, Handle *type) { \
    (void)type;                                                              \
    reduce(inout, inout, in, (size_t)*count * wire_bytes(TYPE), TYPE, OP);   \
  }
#define USERS(TYPE) USER(TYPE, SUM) USER(TYPE, MIN) USER(TYPE, MAX) USER(TYPE, PRODUCT)
USERS(FLOAT32) USERS(INT32) USERS(BOOL) USERS(FLOAT16) USERS(BFLOAT16)

#define USER_LIST(TYPE) {user_##TYPE##_SUM, user_##TYPE##_MIN, user_##TYPE##_MAX, user_##TYPE##_PRODUCT}
static UserFunction *const user_functions[BFLOAT16 + 1][PRODUCT + 1] = {
    USER_LIST(FLOAT32), USER_LIST(INT32), USER_LIST(BOOL), USER_LIST(FLOAT16), USER_LIST(BFLOAT16)};

static Handle half_type; // two bytes

// A process that fails must not wait here for the others: mpirun sees it leave without this, and ends them.
static bool left;
static void finalize_at_exit(void) {
  int finalized = 1;
  if (left && Finalized(&finalized) == 0 && !finalized) Finalize();
}

void mpi_leave(void) { left = true; }

int mpi_size(void) { return size; }

const char *mpi_start(const char *path, int *own_rank, int *world_size) {
  if (!library) {
    const char *problem = open_library(path);
    if (problem) return problem;
  }
  if (!started) {
    int initialized = 0, provided = 0;
    Initialized(&initialized);
    if (!initialized) {
      const char *problem = check(Init_thread(NULL, NULL, SERIALIZED, &provided));
      if (problem) return problem;
      if (provided < SERIALIZED) return "this Open MPI gives no MPI_THREAD_SERIALIZED, which is expected";
      atexit(finalize_at_exit);
    }
    Comm_set_errhandler(world, dlsym(library, "ompi_mpi_errors_return"));
    half_type = dlsym(library, "ompi_mpi_uint16_t");
    for (int type = FLOAT32; type <= BFLOAT16; type++)
      for (int op = SUM; op <= PRODUCT; op++) {
        const char *problem = check(Op_create(user_functions[type][op], 1, &operations[type][op]));
        if (problem) return problem;
      }
    // MPI's own sums are the same numbers, and use wider vectors.
    Handle sum = dlsym(library, "ompi_mpi_op_sum");
    if (sum) operations[FLOAT32][SUM] = operations[INT32][SUM] = sum;
    const char *problem = check(Comm_rank(world, &rank));
    if (!problem) problem = check(Comm_size(world, &size));
    if (problem) return problem;
    started = true;
  }
  left = false;
  *own_rank = rank, *world_size = size;
  return NULL;
}

const char *mpi_allreduce(const void *input, void *output, size_t bytes, WireType type, Reduction op) {
  Handle types[] = {float_type, int_type, byte_type, half_type, half_type};
  const size_t unit = wire_bytes(type), most = LARGEST / unit * unit;
  for (size_t at = 0; at < bytes; at += most) {
    const size_t length = bytes - at < most ? bytes - at : most;
    const void *from = input == output ? IN_PLACE : (const char *)input + at;
    const char *problem = check(Allreduce(from, (char *)output + at, (int)(length / unit), types[type], operations[type][op], world));
    if (problem) return problem;
  }
  return NULL;
}

const char *mpi_broadcast(void *data, size_t bytes, int root) {
  for (size_t at = 0; at < bytes; at += LARGEST) {
    const size_t length = bytes - at < LARGEST ? bytes - at : LARGEST;
    const char *problem = check(Bcast((char *)data + at, (int)length, byte_type, root, world));
    if (problem) return problem;
  }
  return NULL;
}

const char *mpi_allgather(const void *input, void *output, const double *counts) {
  char *to = output;
  for (int r = 0; r < size; to += (size_t)counts[r++]) {
    if (r == rank)
      for (size_t i = 0; i < (size_t)counts[r]; i++) to[i] = ((const char *)input)[i];
    const char *problem = mpi_broadcast(to, (size_t)counts[r], r);
    if (problem) return problem;
  }
  return NULL;
}

const char *mpi_alltoall(const void *input, const double *send, void *output, const double *receive) {
  for (int step = 0; step < size; step++) {
    const int to = (rank + step) % size, from = (rank - step + size) % size;
    const char *out = input;
    char *in = output;
    for (int r = 0; r < to; r++) out += (size_t)send[r];
    for (int r = 0; r < from; r++) in += (size_t)receive[r];
    size_t sending = (size_t)send[to], receiving = (size_t)receive[from];
    do {
      const size_t a = sending < LARGEST ? sending : LARGEST, b = receiving < LARGEST ? receiving : LARGEST;
      const char *problem = check(Sendrecv(out, (int)a, byte_type, to, 0, in, (int)b, byte_type, from, 0, world, NULL));
      if (problem) return problem;
      out += a, sending -= a, in += b, receiving -= b;
    } while (sending > 0 || receiving > 0);
  }
  return NULL;
}
