// What this processor can do, and the kernels that fit it.
#pragma once
#include "kernels/kernels.h"

// The kernels' instruction sets that this machine runs, best first; the last is "portable". Ends with NULL.
const Kernels *const *cpu_kernels(void);

// Features that matter here, separated by blanks: "avx2 fma f16c avx512f …".
const char *cpu_features(void);
