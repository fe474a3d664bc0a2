// What the benchmarks of horovod-lite share: a program of its tests, run by the built package.
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const packageFile = (path) => fileURLToPath(new URL(`../packages/horovod-lite/${path}`, import.meta.url))
const { build } = createRequire(packageFile('package.json'))('esbuild')

export const hvdrun = packageFile('bin/hvdrun.js')

/** Builds test/programs/NAME.ts for the time of `work`, which gets its path. */
export async function withProgram(name, work) {
  const folder = mkdtempSync(packageFile(`.${name}-`)) // beside the package's node_modules, where imports are found
  try {
    const program = join(folder, `${name}.mjs`)
    const built = packageFile('dist/index.js')
    await build({
      entryPoints: [packageFile(`test/programs/${name}.ts`)],
      outfile: program,
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      packages: 'external',
      alias: { '@unet-industrial/horovod-lite': built },
      external: [built],
    })
    return await work(program)
  } finally {
    rmSync(folder, { recursive: true })
  }
}
