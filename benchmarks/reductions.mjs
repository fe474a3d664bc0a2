// Random collectives of random sizes, kinds and dtypes, several at once, in another order on each rank. Each result is
// compared with what one process computes, to the bit; the memory of all ranks is printed, and must stay flat.
//
//   node benchmarks/reductions.mjs [-n 4] [--transport shm] [--count 10000] [--largest 100000] [--seed 1]
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
  },
})

await withProgram('reductions', (program) => {
  const command = [process.execPath, program, options.count, options.largest, options.seed]
  const launch = [hvdrun, '-np', options.np, '--transport', options.transport, ...command]
  process.exitCode = spawnSync(process.execPath, launch, { stdio: 'inherit' }).status ?? 1
})
