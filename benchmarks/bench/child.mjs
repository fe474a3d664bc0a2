// Runs the commands that measure, one at a time.
import { spawn } from 'node:child_process'

let running

/** Ends the command that runs now. */
export const stopChild = () => running?.kill('SIGKILL')

/**
 * What a command printed, and the seconds that it took.
 *
 * @throws in one line, with the last one that it printed on stderr, where it fails or takes longer than `limit` seconds
 */
export function runCommand({ file, args, cwd, env = {} }, limit = 3600) {
  const began = performance.now()
  const child = spawn(file, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  running = child
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr = (stderr + text).slice(-10_000)
  })
  let late = false
  const timer = setTimeout(() => {
    late = true
    child.kill('SIGKILL')
  }, 1000 * limit)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      running = undefined
      if (code === 0) resolve({ stdout, seconds: (performance.now() - began) / 1000 })
      else if (late) reject(new Error(`took longer than ${limit.toFixed(0)} s`))
      else reject(new Error(stderr.trim().split('\n').at(-1) || `ended by ${signal ?? `exit code ${code}`}`))
    })
  })
}

/** The last line that a command prints, which is JSON. */
export async function lastLine(command, limit) {
  const { stdout } = await runCommand(command, limit)
  const line = stdout.trim().split('\n').at(-1)
  try {
    return JSON.parse(line)
  } catch {
    throw new Error(`got ${JSON.stringify(line.slice(0, 80))}, expected a line of JSON`)
  }
}
