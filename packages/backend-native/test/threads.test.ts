import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const program = fileURLToPath(new URL('support/threads.cjs', import.meta.url))

/** What support/threads.cjs prints; the process must end by itself. */
async function run<T>(mode: string): Promise<T[]> {
  const env = { ...process.env, UNET_NATIVE_THREADS: '3' }
  const { stdout } = await promisify(execFile)(process.execPath, [program, mode], { timeout: 60_000, env })
  return JSON.parse(stdout)
}

describe('the thread pool', () => {
  it('serves several Node threads at once, with the bits that one thread gives', async () => {
    const digests = await run<string>('together')
    expect(digests).toHaveLength(5)
    expect(new Set(digests).size).toBe(1)
  })

  it('outlives the Node thread that used it first', async () => {
    const digests = await run<string>('worker-first')
    expect(digests).toHaveLength(3)
    expect(new Set(digests).size).toBe(1)
  })

  it.runIf(process.platform === 'linux')('creates its threads when there is work for them', async () => {
    expect(await run<number>('count')).toEqual([0, 3])
  })
})
