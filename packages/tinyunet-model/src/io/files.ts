type Fs = typeof import('node:fs/promises')
type Path = typeof import('node:path')

/**
 * A built-in module of Node. It is asked for when it is needed and not imported, so that the package loads, and bundles, for browsers.
 *
 * @throws where there is no Node
 */
function builtin<Module>(name: string): Module {
  const module = globalThis.process?.getBuiltinModule?.(name)
  if (!module)
    throw new Error(`files need Node 20.16 or later; in a browser pass bytes, or localstorage:// or indexeddb://`)
  return module as Module
}

export const join = (...parts: string[]): string => builtin<Path>('node:path').join(...parts)
export const dirname = (path: string): string => builtin<Path>('node:path').dirname(path)
export const basename = (path: string): string => builtin<Path>('node:path').basename(path)

export async function readBytes(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const { readFile } = builtin<Fs>('node:fs/promises')
  return new Uint8Array(await readFile(path))
}

export async function isDirectory(path: string): Promise<boolean> {
  const { stat } = builtin<Fs>('node:fs/promises')
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}

/** Writes a file whole or not at all: to a temporary name in the same folder, to the disk, then renamed. Makes the folder. */
export async function writeAtomically(path: string, content: Uint8Array | string): Promise<void> {
  const { mkdir, open, rename, rm } = builtin<Fs>('node:fs/promises')
  await mkdir(dirname(path), { recursive: true })
  const temporary = `${path}.${globalThis.process.pid}.${Date.now()}.tmp`
  try {
    const file = await open(temporary, 'wx')
    try {
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}
