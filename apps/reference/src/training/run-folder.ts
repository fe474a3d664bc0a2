import { existsSync, lstatSync, mkdirSync, readFileSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { basename, join, relative, resolve } from 'node:path'
import { cannotWrite, makeFolder, writeAtomically } from '../files'
import { checkpointAt, listCheckpoints } from './checkpoint-files'

/** A run's place on disk. */
export interface RunFolder {
  name: string
  /** Holds config.json, metrics.jsonl, events, checkpoints/, samples/, eval.json and report.html. */
  path: string
  checkpoints: string
  samples: string
}

const folder = (path: string): RunFolder => ({
  name: basename(resolve(path)),
  path,
  checkpoints: join(path, 'checkpoints'),
  samples: join(path, 'samples'),
})

/**
 * Makes the folder of a new run and lets `latest` name it.
 *
 * @param name a folder's name; it must not exist yet
 */
export function createRun(resultsDir: string, name: string): RunFolder {
  if (name === 'latest' || name.startsWith('.') || /[/\\]/.test(name))
    throw new Error(`run name ${JSON.stringify(name)} cannot be a folder's; choose another --run-name`)
  const run = make(resultsDir, name)
  if (!run)
    throw new Error(
      `run ${join(resultsDir, name)} exists; continue it with --resume ${name}, or choose another --run-name`,
    )
  return run
}

/** The same with a name that no run has yet: what is trained and when, counted up where several start within a second. */
export function createFreshRun(resultsDir: string, what: string, now = new Date()): RunFolder {
  const time = now.toISOString().slice(0, 19).replace('T', '-').replaceAll(':', '')
  for (let n = 1; ; n++) {
    const run = make(resultsDir, n === 1 ? `${what}-${time}` : `${what}-${time}-${n}`)
    if (run) return run
  }
}

/** @returns undefined where it exists; of several processes that make it at once one gets it */
function make(resultsDir: string, name: string): RunFolder | undefined {
  const run = folder(join(resultsDir, name))
  try {
    makeFolder(resultsDir)
    if (!makeNew(run.path)) return undefined
    makeFolder(run.checkpoints)
    makeFolder(run.samples)
  } catch (error) {
    throw cannotWrite(run.path, error)
  }
  nameLatest(resultsDir, name)
  return run
}

/** @returns whether there was none */
function makeNew(path: string): boolean {
  try {
    mkdirSync(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** Lets `latest` in the results folder name a run: a link, or a text file where links cannot be made. */
export function nameLatest(resultsDir: string, name: string): void {
  const path = join(resultsDir, 'latest')
  const draft = join(resultsDir, `.latest.${process.pid}.tmp`)
  try {
    symlinkSync(name, draft, 'dir')
    renameSync(draft, path)
  } catch {
    rmSync(draft, { force: true })
    writeAtomically(path, `${name}\n`)
  }
}

function latestRun(resultsDir: string): RunFolder {
  const path = join(resultsDir, 'latest')
  const entry = lstatSync(path, { throwIfNoEntry: false })
  if (!entry) throw new Error(`no run in ${resultsDir} yet: train one first, or name it, or pass --results-dir`)
  const name = entry.isSymbolicLink() ? readlinkSync(path) : readFileSync(path, 'utf8').trim()
  return folder(join(resultsDir, name))
}

/** A checkpoint's folder, and the run it belongs to. */
export interface Located {
  run: RunFolder
  checkpoint: string
}

/**
 * Finds a checkpoint by `latest`, a run's name, a run's folder or a checkpoint's own path; of a run, the newest.
 *
 * @throws where there is none, saying what was looked for
 */
export function locate(resultsDir: string, what: string): Located {
  const itself = checkpointAt(what)
  if (itself) return { run: folder(relative('', resolve(itself, '../..')) || '.'), checkpoint: itself }
  const named = what === 'latest' ? latestRun(resultsDir) : folder(join(resultsDir, what))
  const run = existsSync(named.path) ? named : folder(what)
  if (!existsSync(run.path))
    throw new Error(`found no run or checkpoint ${what}, neither in ${resultsDir} nor as a path`)
  const checkpoint = listCheckpoints(run.checkpoints).at(-1)
  if (!checkpoint) throw new Error(`run ${run.path} has no checkpoint yet; start it again with another --run-name`)
  return { run, checkpoint }
}
