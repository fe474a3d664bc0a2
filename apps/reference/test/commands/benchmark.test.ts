import { expect, test } from 'vitest'
import { measure, percentile } from '../../src/benchmark/measure'
import type { BenchmarkResult } from '../../src/commands/benchmark'
import { run, succeed } from '../command-line'

const small = '--image-size 32 --batch-size 3 --num-iter 4 --warmup-step 1'

test.each(['training', 'inference'] as const)('%s with --json prints one line with everything in it', async (mode) => {
  const { stdout, stderr } = await succeed(`benchmark ${mode} ${small} --backend native --threads 1 --json`, '.')
  expect(stderr).toBe('')
  expect(stdout).toMatch(/^[^\n]+\n$/)
  const result: BenchmarkResult = JSON.parse(stdout)
  expect(result).toMatchObject({ mode, backend: 'native', threads: 1, imageSize: 32, batchSize: 3, steps: 4 })
  expect(Object.keys(result)).toEqual([
    'mode',
    'backend',
    'threads',
    'imageSize',
    'batchSize',
    'steps',
    'ranks',
    'imagesPerSecond',
    'msPerStep',
    'firstStepSeconds',
    'rssBytes',
    'peakRssBytes',
    'cpu',
    'features',
  ])
  const { msPerStep, imagesPerSecond, firstStepSeconds, rssBytes, peakRssBytes } = result
  expect(msPerStep.p95).toBeGreaterThanOrEqual(msPerStep.p50)
  expect(imagesPerSecond).toBeGreaterThan((3 / msPerStep.p95) * 1000 * 0.9)
  expect(peakRssBytes).toBeGreaterThan(20e6)
  expect(firstStepSeconds).toBeGreaterThan(0)
  expect(rssBytes).toHaveLength(4)
  for (const bytes of rssBytes) expect(bytes).toBeLessThan(1.1 * peakRssBytes)
})

test('tells it to people in lines, with the default backend and threads as wanted', async () => {
  const { stdout } = await succeed(`benchmark inference ${small} --threads 1`, '.')
  expect(stdout).toMatch(
    /^inference on 32x32, batch 3, 4 steps, backend \w+ \([^)]*one thread[^)]*\)\nimages\/s .*\nms a step .*p50.*p95.*\nfirst step .* s after the start\npeak memory .*GiB\nCPU /,
  )
})

test("the reference's own benchmark lines run", async () => {
  const { stdout } = await succeed(
    `--exec_mode=inference_benchmark --image_size=32 --batch_size=2 --num_iter=2 --warmup_step=1 --iter_unit=batch --noamp --data_format=NHWC`,
    '.',
  )
  expect(stdout).toMatch(/^inference on 32x32, batch 2, 2 steps/)
})

test('--amp and --xla say on stderr that they change nothing yet', async () => {
  const { stdout, stderr } = await succeed(`benchmark inference ${small} --amp --xla --json`, '.')
  expect(stderr).toMatch(/^--amp: [^\n]*float32[^\n]*\n--xla: [^\n]*eagerly[^\n]*\n$/)
  expect(stdout).toMatch(/^\{[^\n]+\}\n$/)
})

test('warm-up steps run first and are not counted', async () => {
  let calls = 0
  const { milliseconds } = await measure(async () => void calls++, { steps: 3, warmup: 2 })
  expect([calls, milliseconds.length]).toEqual([5, 3])
})

test('memory is looked at ten times among many steps, at each of few', async () => {
  const looks = async (steps: number) => (await measure(async () => {}, { steps, warmup: 1 })).rssBytes.length
  expect(await Promise.all([1, 4, 10, 25, 1000].map(looks))).toEqual([1, 4, 10, 10, 10])
})

test('percentiles are values that were measured', () => {
  const values = [5, 1, 4, 2, 3]
  expect([percentile(values, 50), percentile(values, 95), percentile(values, 0)]).toEqual([3, 5, 1])
  expect(
    percentile(
      Array.from({ length: 100 }, (_, i) => i + 1),
      95,
    ),
  ).toBe(95)
})

test('what cannot be measured is one line', async () => {
  const { code, stderr } = await run('benchmark training --backend wasm', '.')
  expect([code, stderr]).toEqual([1, expect.stringMatching(/^unet-industrial: backend wasm cannot train[^\n]*\n$/)])
  const size = await run('benchmark training --image-size 100 --backend cpu', '.')
  expect([size.code, size.stderr]).toEqual([
    1,
    expect.stringMatching(/^unet-industrial: height 100 is not divisible by 16[^\n]*\n$/),
  ])
})
