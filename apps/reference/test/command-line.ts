import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { repositoryRoot } from '@unet-internal/testing'
import { expect } from 'vitest'

// Tests of the command run the built one as a user does, in a process of its own. `npm test` builds before it tests;
// while working: `npm run build`.

const bin = join(repositoryRoot, 'apps/reference/bin/unet-industrial.mjs')

export interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

export interface Running {
  child: ChildProcess
  /** Resolves once stdout holds what the pattern wants; rejects when the process ends before. */
  says(pattern: RegExp): Promise<void>
  ended: Promise<Ended>
}

/** Starts `unet-industrial` with some arguments in a folder. */
export function start(args: string, cwd: string): Running {
  if (!existsSync(join(repositoryRoot, 'apps/reference/dist/cli.js')))
    throw new Error('the app is not built: npm run build')
  const child = spawn(process.execPath, [bin, ...args.split(' ').filter(Boolean)], { cwd, stdio: 'pipe' })
  let [stdout, stderr] = ['', '']
  const listeners = new Set<() => void>()
  child.stdout.on('data', (chunk) => {
    stdout += chunk
    for (const listener of listeners) listener()
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  const ended = new Promise<Ended>((resolve) =>
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr })),
  )
  const says = (pattern: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (!pattern.test(stdout)) return
        listeners.delete(look)
        resolve()
      }
      listeners.add(look)
      look()
      ended.then(() => reject(new Error(`ended without saying ${pattern}: ${stdout}${stderr}`)))
    })
  return { child, says, ended }
}

/** Runs `unet-industrial` to its end. */
export const run = (args: string, cwd: string): Promise<Ended> => start(args, cwd).ended

/** Runs it, and throws with its output unless it ends well. */
export async function succeed(args: string, cwd: string): Promise<Ended> {
  const ended = await run(args, cwd)
  if (ended.code !== 0)
    throw new Error(`unet-industrial ${args}: exit code ${ended.code}\n${ended.stdout}${ended.stderr}`)
  return ended
}

/** Expects a command line to be refused: one line on stderr, and exit code 1, or 2 where the line itself is wrong. */
export const refusedIn = (cwd: string) => async (args: string, code: 1 | 2, message: RegExp) => {
  const ended = await run(args, cwd)
  expect(ended.stderr).toMatch(/^unet-industrial: .*\n$/)
  expect(ended.stderr).toMatch(message)
  expect(ended.code).toBe(code)
}

export const temporaryFolder = () => mkdtempSync(join(tmpdir(), 'unet-'))

export const readJson = (...path: string[]) => JSON.parse(readFileSync(join(...path), 'utf8'))
export const readLines = (...path: string[]) =>
  readFileSync(join(...path), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
