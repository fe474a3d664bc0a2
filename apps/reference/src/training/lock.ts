import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
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
  for (let attempt = 0; ; attempt++) {
    try {
      const file = openSync(path, 'wx')
      writeSync(file, JSON.stringify({ pid: process.pid, host: hostname() }))
      closeSync(file)
      const release = () => rmSync(path, { force: true })
      process.once('exit', release)
      return {
        release() {
          process.off('exit', release)
          release()
        },
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw cannotWrite(path, error)
      const holder = readHolder(path)
      if (attempt > 0 || isRunning(holder))
        throw new Error(
          `run ${run.path} is in use by process ${holder?.pid} on ${holder?.host}; wait for it, or, where it is gone, remove ${path}`,
        )
      rmSync(path, { force: true })
    }
  }
}

interface Holder {
  pid: number
  host: string
}

function readHolder(path: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Holder
  } catch {
    return undefined // half written by a process that was killed, or just released
  }
}

/** Of another host nothing is known: it is taken to run. */
function isRunning(holder: Holder | undefined): boolean {
  if (!holder) return false
  if (holder.host !== hostname()) return true
  try {
    process.kill(holder.pid, 0)
    return holder.pid !== process.pid
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
