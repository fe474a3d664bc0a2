import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { platforms, zig } from '@unet-internal/zig'

const here = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))
/** As the package's build has it, whose cache has the most already. */
const { triple } = platforms[`${process.platform}-${process.arch}`] ?? { triple: 'native' }
const FLAGS = [
  '-target',
  triple,
  '-std=gnu11',
  '-O2',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-fno-sanitize=all',
  '-I',
  here('native'),
]

export interface Compiled {
  path: string
  remove(): void
}

/**
 * Compiles a C file of test/native. @param own files of native/ that go with it @param more of the compiler's arguments, such
 *   as `-shared`
 */
export async function compile(name: string, own: string[], more: string[] = []): Promise<Compiled> {
  const folder = mkdtempSync(join(tmpdir(), 'hvd-native-'))
  const path = join(folder, 'compiled')
  const sources = [here(`test/native/${name}`), ...own.map((file) => here(`native/${file}`))]
  await zig(here('.cache')).run(['cc', ...FLAGS, ...more, ...sources, '-lpthread', '-o', path])
  return { path, remove: () => rmSync(folder, { recursive: true }) }
}
