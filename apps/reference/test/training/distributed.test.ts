import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { readJson, readLines, refusedIn, run, start, succeed, temporaryFolder } from '../command-line'
import { app, bundled, failureIn, runRanks, startRanks, transports } from '../hvdrun'
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

describe('the same global batches', () => {
  const results: Record<string, { losses: number[]; before: number[][]; weights: number[][] }> = {}
  beforeAll(async () => {
    const { path, remove } = await bundled('same-batches')
    try {
      for (const size of [1, 2]) {
        const job = startRanks(['-np', String(size), process.execPath, path, '50', 'x-entropy'], room)
        const { code, stdout, stderr } = await job.ended
        expect({ code, stderr: code ? stderr : '' }).toEqual({ code: 0, stderr: '' })
        results[size] = JSON.parse(/\[0\]<stdout>:(\{.*)/.exec(stdout)![1]!)
      }
    } finally {
      remove()
    }
  })

  test('give two ranks the losses and weights of one, within float32 rounding, for 50 steps', () => {
    const [one, several] = [results[1]!, results[2]!]
    expect(one.losses[49]).toBeLessThan(0.9 * one.losses[0]!) // it learns
    for (const [step, loss] of one.losses.entries())
      expect(Math.abs(several.losses[step]! - loss)).toBeLessThan(1e-5 * loss)
    const distance = (a: number[], b: number[]) => Math.sqrt(a.reduce((sum, x, k) => sum + (x - b[k]!) ** 2, 0))
    for (const [i, weights] of one.weights.entries()) {
      const moved = distance(weights, one.before[i]!)
      expect(distance(weights, several.weights[i]!)).toBeLessThanOrEqual(1e-3 * moved)
    }
  })
})

test('--global-batch-size is shared, and kept by a run that goes on with more processes', async () => {
  await succeed(`${train('global', '--num-iter 2').replace('--batch-size 2', '--global-batch-size 4')}`, room)
  const { code, stdout } = await runRanks(2, 'train --resume global --num-iter 4', room)
  expect(code).toBe(0)
  expect(stdout).toMatch(/going on with runs\/global at step 2 · 4 images, 4 steps of 4 on 2 processes/)
  expect(readJson(checkpoint('global', 4), 'state.json')).toMatchObject({ step: 4, images: 16, ranks: 2 })
  const config = readJson(room, 'runs/global/config.json')
  expect([config.globalBatchSize, config.batchSize]).toEqual([4, undefined])
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

describe('SIGINT ends all ranks after the same step, saved, and one process goes on; it comes', () => {
  test.each(['to all', 'to rank 1'])('%s', async (whom) => {
    const name = whom.replaceAll(' ', '-')
    const command = `${process.execPath} ${app} ${train(name, '--num-iter 100000 --display-every 5')}`
    const script = `echo $$ > ${name}-$HOROVOD_RANK; exec ${command}`
    const job = startRanks(['-np', '2', 'sh', '-c', script], room)
    await job.says(/step 5\//)
    if (whom === 'to all') job.child.kill('SIGINT')
    else process.kill(Number(readFileSync(join(room, `${name}-1`), 'utf8')), 'SIGINT')
    const { code, stdout } = await job.ended
    expect(code).toBe(130)
    const said = new RegExp(
      `stopped after step (\\d+) and saved; go on with: unet-industrial train --resume ${name}`,
    ).exec(stdout)
    await succeed(`train --resume ${name} --num-iter ${Number(said![1]) + 1}`, room)
  })
})

describe('an error ends all; the first rank that fails is named, and has said in a line why. The others are ended, or say a line, too:', () => {
  /** A rank that heard of the first one's end before it was ended itself may name that. */
  const expectOneLine = ({ stderr }: { stderr: string }, how: string, line: RegExp) => {
    const failure = failureIn(stderr)
    expect(failure.how).toBe(how)
    expect(failure.said).toEqual([expect.stringMatching(line)])
    for (const other of failure.others) expect(other).toMatch(new RegExp(`${line.source}|^unet-industrial: .*rank \\d`))
    expect(failure.others.length).toBeLessThanOrEqual(1) // of the one other rank
    return failure
  }

  test('a loss that is not finite', async () => {
    const ended = await runRanks(2, train('nan', '--num-iter 30 --learning-rate 1e30'), room)
    expect(ended.code).toBe(1)
    const line = /^unet-industrial: the loss is \S+ at step \d+ on rank \d; the last checkpoint is from before/
    expectOneLine(ended, 'exited with code 1', line)
  })

  test('other images on another host; nothing is written on either', async () => {
    await succeed('data generate --data-dir host0/set --split train --image-size 16 --defective 3 --clean 2', room)
    cpSync(join(room, 'host0'), join(room, 'host1'), { recursive: true })
    rmSync(join(room, 'host1/set/Class1/Train/0577.PNG'))
    const script = `cd host$HOROVOD_RANK; exec ${process.execPath} ${app} train --data-dir set --iter-unit batch --num-iter 1 --batch-size 1`
    const ended = await startRanks(['-np', '2', 'sh', '-c', script], room).ended
    expect(ended.code).toBe(1)
    const line =
      /^unet-industrial: rank 1 finds other images in set than rank 0: 4 images, 2 defective, there 5 images, 3 defective; give every host the same$/
    expectOneLine(ended, 'exited with code 1', line)
    for (const host of ['host0', 'host1']) expect(readdirSync(join(room, host))).toEqual(['set'])
  })

  test('no images on another host', async () => {
    await succeed('data generate --data-dir here/set --split train --image-size 16 --defective 3 --clean 2', room)
    mkdirSync(join(room, 'there'))
    const script = `[ $HOROVOD_RANK = 0 ] && cd ../here; exec ${process.execPath} ${app} train --data-dir set --iter-unit batch --num-iter 1 --batch-size 1`
    const ended = await startRanks(['-np', '2', 'sh', '-c', script], join(room, 'there')).ended
    expect(ended.code).toBe(1)
    expect(expectOneLine(ended, 'exited with code 1', /^unet-industrial: .*\bset\b/).first).toBe(1)
    expect([readdirSync(join(room, 'here')), readdirSync(join(room, 'there'))]).toEqual([['set'], []])
  })

  test('a global batch that cannot be shared', async () => {
    const ended = await runRanks(2, train('odd', '--global-batch-size 5 --num-iter 1'), room)
    expect(ended.code).toBe(2)
    const line = /^unet-industrial: --global-batch-size 5 cannot be shared by 2 processes; choose a multiple of 2$/
    expectOneLine(ended, 'exited with code 2', line)
    expect(existsSync(join(room, 'runs/odd'))).toBe(false)
  })
})

test('two processes evaluate to what one does', async () => {
  const evaluate = 'evaluate --checkpoint whole --batch-size 3 --synthetic-test 7 --json'
  const one = JSON.parse((await succeed(evaluate, room)).stdout)
  const { code, stdout } = await runRanks(2, evaluate, room)
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
})
