// Fuzzes the addon under AddressSanitizer: node test/fuzz/run.mjs [PROGRAMS = 100000] [SEED = 1] [FIRST = 0]
// What crashed is named by its number: run that one alone with PROGRAMS 1 and FIRST.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { buildSanitized } from './build.mjs'

const [programs = 100_000, seed = 1, first = 0] = process.argv.slice(2).map(Number)
const script = fileURLToPath(new URL('fuzz.mjs', import.meta.url))

/** { results } of the fuzzer, { missing } where it cannot run, or { crash }, what it said last. */
async function fuzz() {
  const { addon, preload, missing } = await buildSanitized()
  if (missing) return { missing }
  const env = {
    ...process.env,
    ADDON: addon,
    LD_PRELOAD: preload,
    FUZZ_TRACE: '1',
    UNET_NATIVE_THREADS: '2',
    // Node itself leaks at its end; memory that is not there is an error of JavaScript's here.
    ASAN_OPTIONS: 'detect_leaks=0:allocator_may_return_null=1',
  }
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--expose-gc', script, seed, first, programs].map(String),
    {
      env,
      encoding: 'utf8',
      maxBuffer: 2 ** 30,
    },
  )
  const lines = stderr.split('\n')
  const last = lines.findLastIndex((line) => line.startsWith('program '))
  return status === 0 ? { results: JSON.parse(stdout) } : { crash: lines.slice(Math.max(0, last)).join('\n') }
}

const start = performance.now()
const { results, missing, crash } = await fuzz()
const seconds = (performance.now() - start) / 1000
if (crash) {
  console.error(crash)
  process.exitCode = 1
} else console.log(missing ?? `${programs} programs in ${seconds.toFixed(0)} s: ${JSON.stringify(results)}`)
