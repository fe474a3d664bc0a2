// The instruction sets that kernels are compiled for.
export { platforms as targets } from '@unet-internal/zig'

const avx2 = ['-mavx2', '-mfma', '-mf16c', '-mbmi2']
const instructionSets = {
  x64: {
    portable: [],
    avx2,
    avx512: [...avx2, '-mavx512f', '-mavx512bw', '-mavx512dq', '-mavx512vl', '-mprefer-vector-width=512'],
  },
  arm64: { portable: [], neon: ['-DNEON'] },
}

/** { name: compiler flags } of a target's instruction sets. */
export const instructionSetsOf = (target) => instructionSets[target.split('-')[1]]
