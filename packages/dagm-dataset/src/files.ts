import { readFile, rename, rm } from 'node:fs/promises'

/** Reads a file that a sample names; the error says which one and what to do. */
export async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      throw new Error(`${path}: no such file; expected a PNG, get the file again or leave it out of the set`)
    throw error
  }
}

/** Lets `write` make a file under a temporary name and renames it to `path`, so that `path` is never half written. */
export async function replaceFile(path: string, write: (temporary: string) => Promise<unknown>): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`
  try {
    await write(temporary)
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}
