import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import { expect, test } from 'vitest'
import '../../src' // registers gradients
import { hvdrun, kill, type Launched, leftOf, pretendedSsh, temporaryFolder } from '../support/hvdrun'

// Real jobs: processes on "hosts" that are all this machine, a discovery script whose answer the test changes.

interface Line {
  event: 'begin' | 'reset' | 'step' | 'done'
  step: number
  rank: number
  size: number
  pid: number
  weight?: number[]
}

interface Job {
  job: Launched
  lines(): Line[]
  /** Waits until a line fits. */
  until(fits: (line: Line) => boolean): Promise<Line>
  hosts(text: string): void
}

async function start(hosts: string, args: string[], steps: number): Promise<Job> {
  const cwd = temporaryFolder()
  const set = (text: string) => writeFileSync(join(cwd, 'hosts'), text)
  set(hosts)
  const elastic = ['--host-discovery-script', 'cat hosts', '--ssh-command', pretendedSsh(cwd), ...args]
  const job = await hvdrun([...elastic, 'NODE', 'PROGRAM', String(steps), '40'], {
    cwd,
    program: 'elastic_train',
    environment: { HOROVOD_START_TIMEOUT: '5' },
    deadline: 50,
  })
  const lines = () =>
    job
      .output()
      .stdout.split('\n')
      .flatMap((line): Line[] => {
        const [, json] = /^\[\d+\]<stdout>:(\{.*\})$/.exec(line) ?? []
        return json ? [JSON.parse(json)] : []
      })
  const until = async (fits: (line: Line) => boolean) => {
    const over = job.ended.then(() => true)
    for (;;) {
      const found = lines().findLast(fits)
      if (found) return found
      if (await Promise.race([over, new Promise<false>((resolve) => setTimeout(resolve, 30, false))]))
        throw new Error(`the job ended: ${JSON.stringify(job.output())}`)
    }
  }
  return { job, lines, until, hosts: set }
}

/** The weight after so many steps of one process: the loss is the mean over the same examples in every world. */
function replay(steps: number): number[] {
  const weight = tf.tidy(() => tf.variable(tf.tensor1d([0, 0])))
  const optimizer = tf.train.momentum(0.05, 0.5)
  for (let step = 0; step < steps; step++)
    optimizer.minimize(
      () =>
        tf.tidy(() => {
          const x = tf.tensor2d(
            Array.from({ length: 24 }, (_, i) => [((step * 7 + i * 3) % 11) / 11, ((step * 5 + i) % 13) / 13]),
          )
          const target = tf.sum(tf.mul(x, tf.tensor1d([2, -1])), 1)
          return tf.mean(tf.square(tf.sub(tf.sum(tf.mul(x, weight), 1), target))) as tf.Scalar
        }),
      false,
      [weight],
    )
  return [...weight.dataSync()]
}

/** All who finish have done all steps, with the weights that one process would have. */
async function endsWell({ job, lines }: Job, steps: number, size: number): Promise<void> {
  const { code, stderr } = await job.ended
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' })
  const done = lines().filter(({ event }) => event === 'done')
  expect(done.map(({ rank }) => rank).sort()).toEqual(Array.from({ length: size }, (_, rank) => rank))
  const expected = replay(steps)
  for (const { step, weight } of done) {
    expect(step).toBe(steps)
    expect(weight).toEqual(done[0]!.weight)
    for (const [i, value] of weight!.entries()) expect(value).toBeCloseTo(expected[i]!, 4)
  }
  expect(await leftOf(job.marker, 5)).toEqual([])
}

test('4 → 2 → 3: a rank is killed, its host gets no more, another host comes', async () => {
  const run = await start('a:2\nb:2\n', ['--min-np', '2', '--max-np', '4'], 90)
  const victim = await run.until(({ size, rank, step }) => size === 4 && rank === 3 && step >= 5)
  kill(victim.pid)
  await run.until(({ event, size, step }) => event === 'step' && size === 2 && step > victim.step + 5)
  run.hosts('a:2\nb:2\nc:1\n')
  await run.until(({ event, size }) => event === 'step' && size === 3)
  await endsWell(run, 90, 3)
  expect(run.job.output().stderr).toMatch(/process \d \(rank 3\) on b was killed by SIGKILL; b gets no more processes/)
})

test('rank 0 is killed: the next in line has the state', async () => {
  const run = await start('a:1\nb:2\n', ['--min-np', '2', '--max-np', '3'], 60)
  const victim = await run.until(({ size, rank, step }) => size === 3 && rank === 0 && step >= 5)
  kill(victim.pid)
  const next = await run.until(({ event, size }) => event === 'begin' && size === 2)
  expect(next.step).toBeGreaterThanOrEqual(victim.step - 1)
  await endsWell(run, 60, 2)
})

test('two die at once', async () => {
  const run = await start('a:2\nb:1\nc:1\n', ['--min-np', '2', '--max-np', '4'], 60)
  const [one, two] = await Promise.all(
    [2, 3].map((victim) => run.until(({ size, rank, step }) => size === 4 && rank === victim && step >= 5)),
  )
  kill(one!.pid)
  kill(two!.pid)
  await endsWell(run, 60, 2)
})

test('a joiner dies while it joins', async () => {
  const run = await start('a:2\n', ['--min-np', '2', '--max-np', '3'], 80)
  await run.until(({ event, step }) => event === 'step' && step >= 3)
  run.hosts('a:2\nb:1\n')
  const joiner = await run.until(({ event, size, rank }) => event === 'begin' && size === 3 && rank === 2)
  kill(joiner.pid)
  await endsWell(run, 80, 2)
})

test('a host that is taken away gives its ranks up without a loss', async () => {
  const run = await start('a:2\nb:1\n', ['--min-np', '2', '--max-np', '3'], 70)
  await run.until(({ event, size, step }) => event === 'step' && size === 3 && step >= 5)
  run.hosts('a:2\n')
  const last = await run.until(({ event, size }) => event === 'begin' && size === 2)
  const before = run.lines().filter(({ event, size }) => event === 'step' && size === 3)
  expect(last.step).toBeGreaterThanOrEqual(Math.max(...before.map(({ step }) => step)))
  await endsWell(run, 70, 2)
  expect(run.job.output().stderr).not.toMatch(/gets no more/)
})

test('the reset limit ends the job, naming the first failure', async () => {
  const run = await start('a:1\nb:1\nc:1\n', ['--min-np', '1', '--max-np', '3', '--reset-limit', '0'], 100)
  const victim = await run.until(({ size, rank, step }) => size === 3 && rank === 2 && step >= 3)
  kill(victim.pid)
  const { code, stderr } = await run.job.ended
  expect(code).toBe(137)
  expect(stderr).toMatch(
    /the world has changed more than 0 times \(--reset-limit\); the first failure: process \d \(rank 2\) on c was killed by SIGKILL\n$/,
  )
  expect(await leftOf(run.job.marker, 5)).toEqual([])
})

test('all hosts gone: the job waits as long as it may, then ends', async () => {
  const run = await start('a:1\nb:1\n', ['--min-np', '2', '--max-np', '2', '--elastic-timeout', '2'], 1000)
  const victim = await run.until(({ size, rank, step }) => size === 2 && rank === 1 && step >= 3)
  run.hosts('')
  kill(victim.pid)
  const { code, stderr } = await run.job.ended
  expect(code).not.toBe(0)
  expect(stderr).toMatch(/there were fewer than 2 slots \(--min-np\) for 2 s \(--elastic-timeout\)/)
  expect(await leftOf(run.job.marker, 5)).toEqual([])
})

test('a host that failed may come back after its cooldown', async () => {
  const args = ['--min-np', '2', '--max-np', '2', '--elastic-timeout', '20', '--blacklist-cooldown', '1']
  const run = await start('a:1\nb:1\n', args, 60)
  const victim = await run.until(({ rank, step }) => rank === 1 && step >= 5)
  kill(victim.pid)
  await run.until(({ event, size, rank, pid }) => event === 'begin' && size === 2 && rank === 1 && pid !== victim.pid)
  await endsWell(run, 60, 2)
})
