// Compiles the binaries of the platform packages, for all platforms or those named: node scripts/release.mjs linux-x64
// Each platform package runs it before it is packed, so none is ever published without its binary or with an old one.
import { fileURLToPath } from 'node:url'
import { compile } from '@unet-internal/zig'
import { instructionSetsOf, targets } from './targets.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const named = process.argv.slice(2)
const unknown = named.filter((target) => !(target in targets))
if (unknown.length) throw new Error(`got ${unknown}, expected some of ${Object.keys(targets)}`)

for (const target of named.length ? named : Object.keys(targets)) {
  const output = fileURLToPath(new URL(`../platforms/${target}/backend-native.node`, import.meta.url))
  const compiled = await compile({ root, target, output, instructionSets: instructionSetsOf(target) })
  console.error(`${target}: ${compiled ? `${compiled} files compiled` : 'up to date'}`)
}
