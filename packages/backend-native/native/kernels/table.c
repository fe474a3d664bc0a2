// The table of one instruction set's kernels.
#include "kernels.h"

#define ISA_STRING2(name) #name
#define ISA_STRING(name) ISA_STRING2(name)
#define POINT_TO_KERNEL(type, name, arguments) .name = KERNEL(name),

extern const Kernels KERNEL(kernels);
const Kernels KERNEL(kernels) = {.isa = ISA_STRING(ISA), .lanes = VL, KERNELS(POINT_TO_KERNEL)};
