import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'

// What is half written has a name of this form, so that a killed writer's leavings are known.
const temporary = /^\..*\.tmp$/
const draftOf = (path: string) => join(dirname(path), `.${basename(path)}.${process.pid}.tmp`)

/**
 * Writes a file whole or not at all: to a temporary name, to the disk, then renamed over what was there.
 *
 * @throws one line that names the file
 */
export function writeAtomically(path: string, content: string | Uint8Array): void {
  const draft = draftOf(path)
  try {
    writeDurably(draft, content)
    renameSync(draft, path)
    syncFolder(dirname(path))
  } catch (error) {
    rmSync(draft, { force: true })
    throw cannotWrite(path, error)
  }
}

/**
 * Makes a folder that appears whole or not at all: `fill` writes (durably) into a draft, which is then renamed.
 *
 * @throws one line that names the folder
 */
export async function makeFolderAtomically(path: string, fill: (draft: string) => Promise<void>): Promise<void> {
  const draft = draftOf(path)
  try {
    rmSync(draft, { recursive: true, force: true })
    mkdirSync(draft)
    await fill(draft)
    syncFolder(draft)
    renameSync(draft, path)
    syncFolder(dirname(path))
  } catch (error) {
    rmSync(draft, { recursive: true, force: true })
    throw cannotWrite(path, error)
  }
}

/**
 * Makes a folder and those above it. Node's own `recursive` never returns where a file system refuses a folder by ENOENT,
 * as /proc does.
 */
export function makeFolder(path: string): void {
  try {
    makeOne(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    if (!existsSync(dirname(path))) makeFolder(dirname(path))
    makeOne(path) // those above are there now, made here or by another process
  }
}

function makeOne(path: string): void {
  try {
    mkdirSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !statSync(path).isDirectory()) throw error
  }
}

/** Writes a file and waits until the disk has it. */
export function writeDurably(path: string, content: string | Uint8Array): void {
  const file = openSync(path, 'w')
  try {
    writeFileSync(file, content)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** A rename is on the disk once its folder is; Windows cannot open folders and needs no such thing. */
function syncFolder(folder: string): void {
  if (process.platform === 'win32') return
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

/** Removes what writers that were killed left in a folder. */
export function removeDrafts(folder: string): void {
  for (const name of existsSync(folder) ? readdirSync(folder) : [])
    if (temporary.test(name)) rmSync(join(folder, name), { recursive: true, force: true })
}

/** One line that says what could not be written, why, and what to do. */
export function cannotWrite(path: string, error: unknown): Error {
  const { code, message } = error as NodeJS.ErrnoException
  const advice = code === 'ENOSPC' ? 'free some space, or choose another --results-dir' : 'choose another --results-dir'
  return new Error(`cannot write ${path}: ${message}; ${advice}`, { cause: error })
}
