import { constants, copyFileSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { cannotWrite } from '../files'
import type { RunFolder } from './run-folder'

/** A run's folder held by this process. */
export interface Lock {
  release(): void
}

/**
 * Holds a run, so that two processes do not write into it at once. The lock of a process that has ended is taken over.
 *
 * @throws where another process has it, naming it
 */
export function lockRun(run: RunFolder): Lock {
  const path = join(run.path, '.lock')
  while (!create(path)) {
    const found = read(path)
    if (found === undefined) continue // released just now
    const holder = holderOf(found)
    if (isRunning(holder))
      throw new Error(
        `run ${run.path} is in use by process ${holder.pid} on ${holder.host}; wait for it, or, where it is gone, remove ${path}`,
      )
    removeStale(path, found)
  }
  const release = () => rmSync(path, { force: true })
  process.once('exit', release)
  return {
    release() {
      process.off('exit', release)
      release()
    },
  }
}

/** Makes the lock, whole from the first moment on. @returns whether there was none */
function create(path: string): boolean {
  const draft = asideOf(path)
  try {
    writeFileSync(draft, JSON.stringify({ pid: process.pid, host: hostname() }))
    linkOrCopy(draft, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw cannotWrite(path, error)
  } finally {
    rmSync(draft, { force: true })
  }
}

/** Both refuse a name that exists; some file systems have no links. */
function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw error
    copyFileSync(from, to, constants.COPYFILE_EXCL)
  }
}

/** Removes a lock that was found stale. Only one process gets it out of the way; one that is new by now is put back. */
function removeStale(path: string, found: string): void {
  const aside = asideOf(path)
  try {
    renameSync(path, aside)
    if (read(aside) !== found) linkOrCopy(aside, path)
  } catch (error) {
    if (!['ENOENT', 'EEXIST'].includes((error as NodeJS.ErrnoException).code!)) throw cannotWrite(path, error)
  } finally {
    rmSync(aside, { force: true })
  }
}

const asideOf = (path: string) => `${path}.${process.pid}.tmp`

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

interface Holder {
  pid: number
  host: string
}

function holderOf(text: string): Holder {
  try {
    return JSON.parse(text) as Holder
  } catch {
    return { pid: 0, host: hostname() } // torn by a machine that went down
  }
}

/** Of another host nothing is known: it is taken to run. */
function isRunning({ pid, host }: Holder): boolean {
  if (host !== hostname()) return true
  if (pid === 0 || pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
