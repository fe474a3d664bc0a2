import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import skips from './conformance/skips.json'

interface Result {
  passed: number
  failed: { name: string; messages: string[] }[]
  skipped: string[]
}

/** tfjs-core's own test suite in a process of its own, since it replaces globals. */
function run(mode: string): Promise<Result> {
  const script = fileURLToPath(new URL('conformance/run.mjs', import.meta.url))
  return new Promise((resolve, reject) => {
    let [out, errors] = ['', '']
    const child = spawn(process.execPath, [script, mode], { stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.on('data', (chunk) => {
      out += chunk
    })
    child.stderr.on('data', (chunk) => {
      errors += chunk
    })
    child.on('close', () => {
      const last = out.trim().split('\n').at(-1)!
      if (last.startsWith('{')) resolve(JSON.parse(last))
      else reject(new Error(`tfjs-core's tests did not run to the end: ${errors.slice(-2000)}`))
    })
  })
}

// The CPU backend runs too: it says how many tests there are.
it.each(['native', 'native-pooled'])(
  "passes tfjs-core's own test suite (%s)",
  async (mode) => {
    const [cpu, ours] = await Promise.all([run('cpu'), run(mode)])
    expect(ours.failed).toEqual([])
    expect([...ours.skipped].sort()).toEqual(Object.keys(skips).sort())
    expect(Object.keys(skips).length).toBeLessThanOrEqual(10)
    // Two tests of tfjs-core are for its own CPU backend by name.
    expect(ours.passed + ours.skipped.length).toBe(cpu.passed - 2)
    expect(cpu.passed).toBeGreaterThan(4200)
  },
  300_000,
)
