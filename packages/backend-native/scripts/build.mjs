// Builds the addon for this machine into build/. A machine that has no target is no error: the package then says at run
// time why it is not available, and the rest of the repository works on other backends.
import { fileURLToPath } from 'node:url'
import { compile } from '@unet-internal/zig'
import { instructionSetsOf, targets } from './targets.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const host = `${process.platform}-${process.arch}`
const output = fileURLToPath(new URL('../build/backend-native.node', import.meta.url))

if (host in targets) {
  const start = performance.now()
  const compiled = await compile({ root, target: host, output, instructionSets: instructionSetsOf(host) })
  if (compiled)
    console.log(`backend-native: ${compiled} files compiled in ${((performance.now() - start) / 1000).toFixed(1)} s`)
} else console.log(`backend-native: no native binary for ${host}; known are ${Object.keys(targets).join(', ')}`)
