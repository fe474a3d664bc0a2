// Random collectives of random sizes, kinds and dtypes, several at once, in another order on each rank. Each result is
// compared with what one process computes, to the bit. The memory of all ranks must be flat: the least of the last quarter
// of the run is compared with the least of the first, so that neither noise nor a late collection decides. What comes before
// (warm-up) does not count: until about 4000 operations caches fill. --leak shows that a loss is seen: so many bytes are lost
// on rank 1 with each operation.
//
//   node benchmarks/reductions.mjs [-n 4] [--transport shm] [--warm-up 5000] [--count 10000] [--largest 100000] [--seed 1] [--leak 0]
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { hvdrun, withProgram } from './horovod.mjs'

const { values: options } = parseArgs({
  options: {
    np: { type: 'string', short: 'n', default: '4' },
    transport: { type: 'string', default: 'auto' },
    'warm-up': { type: 'string', default: '5000' },
    count: { type: 'string', default: '10000' },
    largest: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    leak: { type: 'string', default: '0' },
  },
})

/**
 * glibc keeps large blocks once it has seen some freed, and its heap then grows by fragments for very long, up to 8 MB here:
 * with thresholds of their own they go back to the system, and what still grows is ours.
 */
const environment = { ...process.env, MALLOC_MMAP_THRESHOLD_: '65536', MALLOC_TRIM_THRESHOLD_: '131072' }

await withProgram('reductions', (program) => {
  const { count, largest, seed, leak } = options
  const command = [process.execPath, '--expose-gc', program, options['warm-up'], count, largest, seed, leak]
  const launch = [hvdrun, '-np', options.np, '--transport', options.transport, ...command]
  process.exitCode = spawnSync(process.execPath, launch, { stdio: 'inherit', env: environment }).status ?? 1
})
