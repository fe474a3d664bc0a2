// Random collectives of random sizes, kinds and dtypes, several at once, in another order on each rank. Each result is
// compared with what one process computes, to the bit. The memory of all ranks must be flat: the least of the last quarter
// of the run is compared with the least of the middle, so that neither noise nor a late collection decides. Caches fill in the
// first 3000 operations or so, so fewer than 10,000 say little. --leak shows that a loss is seen: so many bytes are lost on
// rank 1 with each operation.
//
//   node benchmarks/reductions.mjs [-n 4] [--transport shm] [--count 10000] [--largest 100000] [--seed 1] [--leak 0]
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { hvdrun, withProgram } from './horovod.mjs'

const { values: options } = parseArgs({
  options: {
    np: { type: 'string', short: 'n', default: '4' },
    transport: { type: 'string', default: 'auto' },
    count: { type: 'string', default: '10000' },
    largest: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    leak: { type: 'string', default: '0' },
  },
})

await withProgram('reductions', (program) => {
  const { count, largest, seed, leak } = options
  const command = [process.execPath, '--expose-gc', program, count, largest, seed, leak]
  const launch = [hvdrun, '-np', options.np, '--transport', options.transport, ...command]
  process.exitCode = spawnSync(process.execPath, launch, { stdio: 'inherit' }).status ?? 1
})
