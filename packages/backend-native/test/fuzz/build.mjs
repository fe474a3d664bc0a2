// Builds the addon with AddressSanitizer, by gcc since zig has none: { addon, preload }, or { missing } where there is no gcc.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { compile } from '@unet-internal/zig'
import { instructionSetsOf } from '../../scripts/targets.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const target = `${process.platform}-${process.arch}`
const addon = fileURLToPath(new URL('../../.cache/sanitized/backend-native.node', import.meta.url))

const gcc = async (args) => (await promisify(execFile)('gcc', args, { maxBuffer: 2 ** 26 })).stdout.trim()

/** The sanitizer's library, which must be loaded first; none where gcc or it is missing. */
async function sanitizer() {
  const path = await gcc(['-print-file-name=libasan.so']).catch(() => '')
  return existsSync(path) ? path : undefined
}

export async function buildSanitized() {
  const preload = process.platform === 'linux' ? await sanitizer() : undefined
  if (!preload)
    return { missing: 'no gcc with AddressSanitizer here: apt-get install gcc libasan8, or on Linux what has it' }
  const toolchain = {
    name: `${target}-sanitized`,
    version: await gcc(['--version']),
    run: gcc,
    flags: ['-O1', '-g1', '-fsanitize=address', '-fno-omit-frame-pointer', '-Wno-error'],
    link: ['-fsanitize=address'],
  }
  await compile({ root, target, output: addon, instructionSets: instructionSetsOf(target), toolchain })
  return { addon, preload }
}
