// Bytes of the compiled kernels.
import { existsSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { verdict } from '../machine.mjs'

const path = 'packages/backend-native/build/backend-native.node'
const file = fileURLToPath(new URL(`../../../${path}`, import.meta.url))

export const size = {
  about: 'size of the binary',
  jobs: () => [
    {
      does: 'size of the binary',
      seconds: 0,
      run: async () => ({ bytes: existsSync(file) ? statSync(file).size : Number.NaN, shown: `wc -c ${path}` }),
    },
  ],
  markdown: ({ of, targets }) => {
    const [{ bytes }] = of('size')
    const wanted = verdict(targets.binaryBytes, bytes <= targets.binaryBytes, (limit) => `≤ ${limit / 1e6} MB`)
    return `## Size of the binary

${process.platform}-${process.arch}: ${(bytes / 1e6).toFixed(2)} MB${wanted}.`
  },
}
