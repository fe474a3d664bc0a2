// Builds the addon for this machine into build/, or for all platforms where `--all` is given (before the package is
// packed, so that none is published without its binaries). A machine without a platform uses tcp.
import { fileURLToPath } from 'node:url'
import { compile, platforms } from '@unet-internal/zig'

const root = fileURLToPath(new URL('..', import.meta.url))
const host = `${process.platform}-${process.arch}`
const known = Object.keys(platforms).filter((platform) => !platform.startsWith('win32')) // no shared memory of this kind there
const instructionSetsOf = (platform) => ({
  portable: [],
  ...(platform.endsWith('x64') && { avx2: ['-mavx2', '-mf16c'] }),
})

for (const target of process.argv.includes('--all') ? known : known.filter((platform) => platform === host)) {
  const output = fileURLToPath(new URL(`../build/${target}.node`, import.meta.url))
  const compiled = await compile({ root, target, output, instructionSets: instructionSetsOf(target) })
  if (compiled) console.error(`horovod-lite, ${target}: ${compiled} files compiled`)
}
