import { execFile, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const script = fileURLToPath(new URL('fuzz/run.mjs', import.meta.url))
const sanitizer = spawnSync('gcc', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).stdout?.trim()
const missing = process.platform !== 'linux' || !sanitizer || !existsSync(sanitizer)

// The long run is a command: node test/fuzz/run.mjs, 100,000 programs.
it.skipIf(missing)(
  `the native entry answers random programs, right and wrong, with results or exceptions${missing ? ' (skipped: no gcc with AddressSanitizer)' : ''}`,
  async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [script, '4000', '3'])
    const { withoutExample, ...counts } = JSON.parse(stdout.slice(stdout.indexOf('{')))
    expect(withoutExample).toEqual([]) // operations that test/fuzz/examples.mjs lacks
    for (const [what, count] of Object.entries(counts)) expect(count, what).toBeGreaterThan(100)
  },
  300_000,
)
