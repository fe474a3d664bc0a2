#define _GNU_SOURCE
#include "library.h"
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

Library mpi;

#define INSTALL "install Open MPI (on Debian: apt-get install openmpi-bin), or set HOROVOD_MPI_LIBRARY to its libmpi.so.40"

static _Thread_local char problem[1024];

// RTLD_GLOBAL: Open MPI's own plugins look for its symbols.
static void *open_first(const char *const *paths) {
  void *library = NULL;
  for (; *paths && !library; paths++) library = dlopen(*paths, RTLD_NOW | RTLD_GLOBAL);
  return library;
}

static const char *open_named(const char *path, void **library) {
  static const char *const known[] = {"libmpi.so.40", "libmpi.so", "libmpi.40.dylib", "libmpi.dylib", NULL};
  const char *const asked[] = {path, NULL};
  *library = open_first(path ? asked : known);
  if (*library) return NULL;
  if (!path) return "libmpi.so.40 was not found; " INSTALL;
  const char *reason = dlerror();
  snprintf(problem, sizeof problem, "HOROVOD_MPI_LIBRARY=%s cannot be opened: %s", path, reason ? reason : "unknown");
  return problem;
}

// A library that runs MPI must stay, and this one with it, which MPI calls at the end of the process.
static void stay(void) {
  Dl_info self;
  if (dladdr((void *)stay, &self)) dlopen(self.dli_fname, RTLD_NOW | RTLD_NODELETE);
}

static const char *open_library(const char *path) {
  void *library;
  const char *trouble = open_named(path, &library);
  if (trouble) return trouble;
  Library found;
#define RESOLVE_OBJECT(name) \
  if (!(found.ompi_##name = dlsym(library, "ompi_mpi_" #name))) trouble = #name;
  MPI_OBJECTS(RESOLVE_OBJECT)
  if (trouble) {
    dlclose(library);
    return "the MPI library is another than Open MPI, which is expected; " INSTALL;
  }
#define RESOLVE_FUNCTION(name, arguments) \
  if (!(*(void **)&found.name = dlsym(library, "MPI_" #name))) trouble = "MPI_" #name;
  MPI_FUNCTIONS(RESOLVE_FUNCTION)
  if (trouble) {
    dlclose(library);
    snprintf(problem, sizeof problem, "Open MPI's library has no %s; expected Open MPI 3 or later", trouble);
    return problem;
  }
  stay();
  mpi = found;
  return NULL;
}

const char *mpi_open(const char *path) {
  static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
  static bool opened;
  pthread_mutex_lock(&turn);
  const char *trouble = opened ? NULL : open_library(path);
  opened = !trouble;
  pthread_mutex_unlock(&turn);
  return trouble;
}
