// Random collectives of random sizes, kinds and dtypes, several at once, in another order on each rank. Each result is
// compared with what one process computes, to the bit; the memory of all ranks is printed, and must stay flat.
//
//   node benchmarks/reductions.mjs [-n 4] [--transport shm] [--count 10000] [--largest 100000] [--seed 1]
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const packageFile = (path) => fileURLToPath(new URL(`../packages/horovod-lite/${path}`, import.meta.url))
const { build } = createRequire(packageFile('package.json'))('esbuild')

const { values: options } = parseArgs({
  options: {
    np: { type: 'string', short: 'n', default: '4' },
    transport: { type: 'string', default: 'auto' },
    count: { type: 'string', default: '10000' },
    largest: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
  },
})

// Beside the package's node_modules, where its imports are found.
const folder = mkdtempSync(packageFile('.reductions-'))
try {
  const program = join(folder, 'reductions.mjs')
  const built = packageFile('dist/index.js')
  await build({
    entryPoints: [packageFile('test/programs/reductions.ts')],
    outfile: program,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    alias: { '@unet-industrial/horovod-lite': built },
    external: [built],
  })
  const command = [process.execPath, program, options.count, options.largest, options.seed]
  const launch = [packageFile('bin/hvdrun.js'), '-np', options.np, '--transport', options.transport, ...command]
  process.exitCode = spawnSync(process.execPath, launch, { stdio: 'inherit' }).status ?? 1
} finally {
  rmSync(folder, { recursive: true })
}
