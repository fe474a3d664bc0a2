import { join } from 'node:path'
import '@tensorflow/tfjs-backend-cpu'
import { createDataset, synthesize } from '@unet-industrial/dagm-dataset'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readJson, succeed, temporaryFolder } from '../command-line'
import { bundled, runRanks, startRanks } from '../hvdrun'

// Which images each of several processes has, in what order, and how their speed is counted.

const room = temporaryFolder()
const seed = 7
const images = 5
const samples = synthesize({ classId: 1, size: 16, clean: 0, defective: images, seed })
const set = `--dataset-name synthetic --image-size 16 --synthetic-defective ${images} --seed ${seed} --iter-unit batch`

/** The names that a rank is shown in a run that never stopped, after so many of its own. */
async function shown(rank: number, size: number, after: number, count: number): Promise<string[]> {
  const ownSeed = size === 1 ? seed : 2 * (seed + rank) // the reference's
  const shard = { rank, size }
  const dataset = await createDataset(samples, { batchSize: 1, shuffle: true, repeat: true, seed: ownSeed, shard })
  const names: string[] = []
  for await (const batch of dataset) {
    names.push(batch.samples[0]!.name)
    batch.dispose()
    if (names.length === after + count) break
  }
  return names.slice(after)
}

describe('a run of two ranks that took six images goes on', () => {
  let program: Awaited<ReturnType<typeof bundled>>
  beforeAll(async () => {
    program = await bundled('shown')
    const { code } = await runRanks(2, `train ${set} --batch-size 1 --num-iter 3 --run-name two`, room)
    expect(code).toBe(0)
  })
  afterAll(() => program.remove())

  test.each([
    [1, [7]],
    [2, [14, 16]],
    [3, [14, 16, 18]],
  ])('in %i: each has its part, from there on, in the order of seed %j', async (size, seeds) => {
    const file = join(room, `shown-${size}.json`)
    const job = startRanks(['-np', String(size), process.execPath, program.path, 'two', '12', file], room)
    const { code, stderr } = await job.ended
    expect({ code, stderr: code ? stderr : '' }).toEqual({ code: 0, stderr: '' })
    const all: { seed: number; names: string[] }[] = readJson(file)
    expect(all.map((rank) => rank.seed)).toEqual(seeds)
    for (const [rank, { names }] of all.entries()) expect(names).toEqual(await shown(rank, size, 6 / size, 12))
    const parts = all.map(({ names }) => [...new Set(names)])
    expect(parts.flat().sort()).toEqual(samples.map(({ name }) => name).sort()) // none is in two
  })
})

test.each([1, 3])('the speed of %i ranks is of all their images', async (size) => {
  const name = `speed-${size}`
  const args = `train ${set} --batch-size 2 --num-iter 12 --run-name ${name}`
  if (size === 1) await succeed(args, room)
  else expect((await runRanks(size, args, room)).code).toBe(0)
  // With fewer steps than the warm-up (200) it is that of the whole training.
  const { throughput, processing_time: seconds } = readJson(room, 'runs', name, 'performances_train.json')
  expect(throughput * seconds).toBeCloseTo(12 * 2 * size, 6)
})

test('three ranks whose parts are unequal train, to the same bits each time', async () => {
  const weights = []
  for (const name of ['first', 'again']) {
    const { code, stdout } = await runRanks(3, `train ${set} --batch-size 2 --num-iter 8 --run-name ${name}`, room)
    expect(code).toBe(0)
    expect(stdout).toMatch(/5 images, 8 steps of 6 on 3 processes/)
    const { images, ranks, data, files } = readJson(room, 'runs', name, 'checkpoints/step-00000008/state.json')
    expect({ images, ranks, data }).toMatchObject({ images: 48, ranks: 3, data: { images: 5, seed } })
    weights.push(files)
  }
  expect(weights[1]).toEqual(weights[0])
})
