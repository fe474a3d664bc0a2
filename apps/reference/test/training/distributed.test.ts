import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { readJson, readLines, refusedIn, run, start, succeed, temporaryFolder } from '../command-line'
import { runRanks, transports } from '../hvdrun'
import { tiny } from './tiny'

// Several processes, as hvdrun starts them, on the built packages.

const room = temporaryFolder()
const train = (name: string, more = '') => `train ${tiny} --synthetic-defective 4 --run-name ${name} ${more}`.trim()
const checkpoint = (name: string, step: number) =>
  join(room, 'runs', name, 'checkpoints', `step-${String(step).padStart(8, '0')}`)
const tensors = (name: string, step: number) =>
  ['model.safetensors', 'optimizer.safetensors'].map((file) =>
    readFileSync(join(checkpoint(name, step), file), 'base64'),
  )

describe('all transports give the same bits', () => {
  beforeAll(async () => {
    const { code, stderr } = await runRanks(2, train('tcp', '--num-iter 6'), room, ['--transport', 'tcp'])
    expect({ code, stderr: code ? stderr : '' }).toEqual({ code: 0, stderr: '' })
  })

  for (const { name, problem } of transports().filter(({ name }) => name !== 'tcp'))
    test.skipIf(problem)(`${name}, as tcp${problem ? ` (${problem})` : ''}`, async () => {
      const { code } = await runRanks(2, train(name, '--num-iter 6'), room, ['--transport', name])
      expect(code).toBe(0)
      expect(readLines(room, 'runs', name, 'metrics.jsonl')[0]).toMatchObject({ ranks: 2, transport: name })
      expect(tensors(name, 6)).toEqual(tensors('tcp', 6))
    })

  test('rank 0 alone writes and speaks', async () => {
    const { stdout } = await runRanks(2, train('speaks', '--num-iter 2'), room)
    expect(stdout.split('\n').filter((line) => line.startsWith('[1]'))).toEqual([])
    expect(stdout).toMatch(/\[0\]<stdout>:run runs\/speaks · 4 images, 2 steps of 4 on 2 processes \((shm|tcp)\)/)
    const threads = Math.max(1, Math.floor(availableParallelism() / 2))
    expect(stdout).toContain(threads === 1 ? 'one thread' : `${threads} threads`)
    const files = readdirSync(join(room, 'runs/speaks'))
    expect(files.filter((name) => name.startsWith('events'))).toHaveLength(1)
    expect(files).not.toContain('.lock')
    const lines = readLines(room, 'runs/speaks/metrics.jsonl')
    expect(lines.map(({ type, step }) => [type, step])).toEqual([
      ['start', 0],
      ['train', 2],
    ])
  })
})

describe('--global-batch-size', () => {
  test('makes the same epochs, steps and images of one, two and three ranks', async () => {
    // 5 epochs of 4 images in batches of 6: three steps, and two images are left.
    const args = (name: string) =>
      train(name, '--iter-unit epoch --num-iter 5').replace('--batch-size 2', '--global-batch-size 6')
    for (const size of [1, 2, 3]) {
      const name = `of-${size}`
      const { code, stdout } = await runRanks(size, args(name), room)
      expect(code).toBe(0)
      expect(stdout).toContain('4 images, 3 steps of 6')
      const lines = readLines(room, 'runs', name, 'metrics.jsonl')
      expect(lines[0]).toMatchObject({ type: 'start', totalSteps: 3, trainingImages: 4 })
      expect(lines.at(-1)).toMatchObject({ type: 'train', step: 3, epoch: 18 / 4 })
      const { step, images, ranks, dataset } = readJson(checkpoint(name, 3), 'state.json')
      expect({ step, images, ranks }).toEqual({ step: 3, images: 18, ranks: size })
      expect(dataset.epoch * dataset.size + dataset.position).toBe(18 / size) // each has drawn its part
    }
  })

  test('is kept by a run that goes on with more processes, if they can share it', async () => {
    await succeed(`${train('global', '--num-iter 2').replace('--batch-size 2', '--global-batch-size 4')}`, room)
    const { code, stdout } = await runRanks(2, 'train --resume global --num-iter 4', room)
    expect(code).toBe(0)
    expect(stdout).toMatch(/going on with runs\/global at step 2 · 4 images, 4 steps of 4 on 2 processes/)
    expect(readJson(checkpoint('global', 4), 'state.json')).toMatchObject({ step: 4, images: 16, ranks: 2 })
    const config = readJson(room, 'runs/global/config.json')
    expect([config.globalBatchSize, config.batchSize]).toEqual([4, undefined])
    const files = readdirSync(join(room, 'runs/global'))
    const refused = await runRanks(3, 'train --resume global --num-iter 6', room)
    expect(refused.code).toBe(2)
    expect(refused.stderr).toMatch(/--global-batch-size 4 cannot be shared by 3 processes; choose a multiple of 3$/m)
    expect(readdirSync(join(room, 'runs/global'))).toEqual(files)
  })
})

test('a run of two goes on in one and in three, where the images were; of two to the bits of an uninterrupted one', async () => {
  await runRanks(2, train('whole', '--num-iter 6'), room)
  await runRanks(2, train('parts', '--num-iter 4'), room)
  expect((await runRanks(2, 'train --resume parts --num-iter 6', room)).code).toBe(0)
  expect(tensors('parts', 6)).toEqual(tensors('whole', 6))
  await succeed('train --resume parts --num-iter 8', room)
  expect((await runRanks(3, 'train --resume parts --num-iter 9', room)).code).toBe(0)
  const states = [6, 8, 9].map((step) => readJson(checkpoint('parts', step), 'state.json'))
  expect(states.map(({ images, ranks }) => [images, ranks])).toEqual([
    [24, 2],
    [28, 1],
    [34, 3],
  ])
})

test.each([
  ['images', '--synthetic-defective 8', /got 8 \(\w+\) with seed 1, expected 4 \(\w+\) with seed 1;/],
  ['seed', '--seed 2', /got 4 \(\w+\) with seed 2, expected 4 \(\w+\) with seed 1;/],
])('a run of two that goes on in one with other %s is refused, and stays as it was', async (_, other, message) => {
  const checkpoints = () => readdirSync(join(room, 'runs/whole/checkpoints'))
  const before = checkpoints()
  await refusedIn(room)(`train --resume runs/whole/checkpoints/step-00000006 --num-iter 8 ${other}`, 1, message)
  expect(checkpoints()).toEqual(before)
})

test.each([
  ['two processes evaluate', 2, 7],
  ['three, of which one gets no image, evaluate', 3, 2],
])('%s to what one does', async (_, size, images) => {
  const evaluate = `evaluate --checkpoint whole --batch-size 3 --synthetic-test ${images} --json`
  const one = JSON.parse((await succeed(evaluate, room)).stdout)
  const { code, stdout } = await runRanks(size, evaluate, room)
  expect(code).toBe(0)
  expect(JSON.parse(stdout.replace(/^\[0\]<stdout>:/, ''))).toEqual(one)
})

describe('a run in use', () => {
  test('is refused to a second process, named; a lock of one that has ended is taken over', async () => {
    await succeed(train('locked', '--num-iter 1'), room)
    const first = start('train --resume locked --num-iter 100000 --display-every 1', room)
    await first.says(/step 3\//)
    await refusedIn(room)(
      'train --resume locked --num-iter 2',
      1,
      new RegExp(`run runs/locked is in use by process ${first.child.pid} on `),
    )
    first.child.kill('SIGKILL')
    await first.ended
    expect(readdirSync(join(room, 'runs/locked'))).toContain('.lock')
    expect((await run('train --resume locked --num-iter 2', room)).code).toBe(0)
    expect(readdirSync(join(room, 'runs/locked'))).not.toContain('.lock')
  })

  test.each(['SIGINT', 'SIGTERM'] as const)('is let go of where %s ends a process that starts', async (signal) => {
    const name = `starting-${signal}`
    await succeed(train(name, '--num-iter 1'), room)
    const { child, ended } = start(`train --resume ${name} --num-iter 2`, room)
    while (!existsSync(join(room, 'runs', name, '.lock'))) await new Promise((resolve) => setTimeout(resolve, 1))
    child.kill(signal)
    expect((await ended).code).toBe(signal === 'SIGINT' ? 130 : 143)
    expect(readdirSync(join(room, 'runs', name))).not.toContain('.lock')
  })
})
