#include "operations.h"
#include <stddef.h>

#define DECLARE(name) extern const Operation operations_##name[];
OPERATION_TABLES(DECLARE)
#define TABLE(name) operations_##name,
static const Operation *const tables[] = {OPERATION_TABLES(TABLE)};

const Operation *operation_at(int64_t number) {
  if (number < 0) return NULL;
  for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
    for (const Operation *o = tables[t]; o->name; o++)
      if (number-- == 0) return o;
  return NULL;
}
