import { describe, expect, test } from 'vitest'
import { loadNative } from '../../src/transports/native'
import { kill, leftOf } from '../support/hvdrun'
import { endsWell, start } from './job'

const shm = 'addressOf' in loadNative()

// Real jobs: processes on "hosts" that are all this machine, and a discovery script whose answer the test changes. A few run
// at a time; what limits them is each job's own deadline. Where nobody may wait for a timeout it is longer than that.
const NEVER = '1000'

describe.concurrent('a job', { timeout: 600_000 }, () => {
  test('4 → 2 → 3: a rank is killed, its host goes with it, another host comes', async () => {
    const job = await start('a:2\nb:2\n', ['--min-np', '2', '--max-np', '4'])
    const victim = await job.until(({ size, rank, step }) => size === 4 && rank === 3 && step >= 5)
    kill(victim.pid)
    const second = await job.until(({ event, size, step }) => event === 'step' && size === 2 && step > victim.step + 5)
    job.hosts('a:2\nb:2\nc:1\n')
    await job.until(({ event, size, step }) => event === 'step' && size === 3 && step > second.step + 5)
    const worlds = await endsWell(job, 3)
    expect([...new Set(worlds)]).toEqual([4, 2, 3])
    expect(job.stderr()).toMatch(/hvdrun: rank 3 on b was killed by SIGKILL\nhvdrun: world 2: 2 processes on a:2\n/)
    expect(job.stderr()).toMatch(/hvdrun: world 3: 3 processes on a:2, c:1\n/)
  })

  test('in shared memory, which every new world makes anew', async () => {
    const job = await start('a:2\nb:1\n', ['--min-np', '2', '--max-np', '3'], { transport: 'auto' })
    const victim = await job.until(({ size, rank, step }) => size === 3 && rank === 1 && step >= 5)
    kill(victim.pid)
    const second = await job.until(({ event, size }) => event === 'step' && size === 2)
    job.hosts('a:2\nb:1\nc:1\n')
    await job.until(({ event, size, step }) => event === 'step' && size === 3 && step > second.step)
    await endsWell(job, 3)
    const used = new Set(job.lines().flatMap(({ transport }) => transport ?? []))
    expect([...used]).toEqual([shm ? 'shm' : 'tcp'])
  })

  test('rank 0 is killed: another that has the state takes its place', async () => {
    const job = await start('a:1\nb:2\n', ['--min-np', '2', '--max-np', '3'])
    const victim = await job.until(({ size, rank, step }) => size === 3 && rank === 0 && step >= 5)
    kill(victim.pid)
    const next = await job.until(({ event, size }) => event === 'begin' && size === 2)
    expect(next.step).toBeGreaterThanOrEqual(victim.step - 2)
    await endsWell(job, 2)
  })

  test('two die at once, on two hosts', async () => {
    const job = await start('a:2\nb:1\nc:1\n', ['--min-np', '2', '--max-np', '4'])
    await job.until(({ event, size, step }) => event === 'step' && size === 4 && step >= 5)
    const victims = await Promise.all([2, 3].map((rank) => job.until((line) => line.size === 4 && line.rank === rank)))
    for (const { pid } of victims) kill(pid)
    await job.until(({ event, size }) => event === 'step' && size === 2)
    await endsWell(job, 2)
  })

  test('both ranks of every host lose their neighbour: those who live go on', async () => {
    const job = await start('a:2\nb:2\n', ['--min-np', '2', '--max-np', '4'])
    await job.until(({ event, size, step }) => event === 'step' && size === 4 && step >= 5)
    const victims = await Promise.all([0, 3].map((rank) => job.until((line) => line.size === 4 && line.rank === rank)))
    for (const { pid } of victims) kill(pid)
    await job.until(({ event, size }) => event === 'step' && size === 2)
    await endsWell(job, 2)
  })

  test('a rank dies while it commits: the others agree which step was the last', async () => {
    const environment = { DIE_WHILE: 'committing' }
    const job = await start('a:1\nz:1\nc:1\n', ['--min-np', '2', '--max-np', '3'], { environment })
    await job.until(({ step }) => step >= 15)
    const worlds = await endsWell(job, 2)
    expect(worlds.slice(0, 8)).toEqual(Array(8).fill(3))
    expect(worlds.slice(10)).toEqual(Array(worlds.length - 10).fill(2))
  })

  test.each([
    ['before it has registered', 'starting', 1],
    ['when it has got its place', 'meeting', 3],
    ['while it gets the state', 'syncing', 3],
  ])('a joiner dies %s', async (_, place, worlds) => {
    const args = ['--min-np', '2', '--max-np', '3', '--start-timeout', NEVER]
    const job = await start('a:2\n', args, { environment: { DIE_WHILE: place } })
    await job.until(({ event, step }) => event === 'step' && step >= 3)
    job.hosts('a:2\nz:1\n')
    await job.says(/rank 2 on z was killed by SIGKILL/)
    expect(new Set(await endsWell(job, 2))).toEqual(new Set([2]))
    expect(job.stderr().match(/hvdrun: world/g)!.length).toBe(worlds)
  })

  test('a joiner that hangs when it has got its place is ended, and the others go on', async () => {
    const environment = { DIE_WHILE: 'meeting', DIE_BY: 'SIGSTOP' }
    const args = ['--min-np', '2', '--max-np', '3', '--start-timeout', '4']
    const job = await start('a:2\n', args, { environment })
    await job.until(({ event, step }) => event === 'step' && step >= 3)
    job.hosts('a:2\nz:1\n')
    await job.says(/world 2: 3 processes on a:2, z:1\n/)
    await job.says(/rank 2 on z did not join its world, and was ended\nhvdrun: world 3: 2 processes on a:2\n/)
    expect(new Set(await endsWell(job, 2))).toEqual(new Set([2]))
  })

  test('a host that is taken away gives its ranks up without a loss', async () => {
    const job = await start('a:2\nb:1\n', ['--min-np', '2', '--max-np', '3'])
    await job.until(({ event, size, step }) => event === 'step' && size === 3 && step >= 5)
    job.hosts('a:2\n')
    const next = await job.until(({ event, size }) => event === 'begin' && size === 2)
    const before = job.lines().filter(({ event, size }) => event === 'step' && size === 3)
    expect(next.step).toBe(Math.max(...before.map(({ step }) => step)) + 1) // the step that heard of it counts too
    await endsWell(job, 2)
    expect(job.stderr()).not.toMatch(/killed|exited/)
  })

  test('the only host loses a rank: the others go on', async () => {
    const job = await start(undefined, ['-H', 'a:3', '--min-np', '2', '--max-np', '3'])
    const victim = await job.until(({ size, rank, step }) => size === 3 && rank === 1 && step >= 5)
    kill(victim.pid)
    await job.until(({ event, size }) => event === 'step' && size === 2)
    await endsWell(job, 2)
  })

  test('a host that failed comes back after its cooldown', async () => {
    const args = ['--min-np', '2', '--max-np', '2', '--blacklist-cooldown', '1']
    const job = await start('a:1\nb:1\n', args)
    const victim = await job.until(({ rank, step }) => rank === 1 && step >= 5)
    kill(victim.pid)
    await job.until(({ event, size, rank, pid }) => event === 'begin' && size === 2 && rank === 1 && pid !== victim.pid)
    await endsWell(job, 2)
  })

  test('the reset limit ends the job, naming the failure', async () => {
    const job = await start('a:1\nb:1\nc:1\n', ['--min-np', '1', '--max-np', '3', '--reset-limit', '1'])
    for (const size of [3, 2]) {
      const { pid } = await job.until((line) => line.event === 'step' && line.size === size && line.rank === size - 1)
      kill(pid)
    }
    const { code, stderr } = await job.ended
    expect(code).toBe(137)
    expect(stderr).toMatch(
      /hvdrun: rank 1 on b was killed by SIGKILL; the world may change 1 times \(--reset-limit\), and has\n/,
    )
    expect(await leftOf(job.marker, 5)).toEqual([])
  })

  test('too few hosts: the job waits as long as it may, then ends', async () => {
    const job = await start('a:1\nb:1\n', ['--min-np', '2', '--max-np', '2', '--elastic-timeout', '12'])
    const victim = await job.until(({ size, rank, step }) => size === 2 && rank === 1 && step >= 3)
    kill(victim.pid)
    const { code, stderr } = await job.ended
    expect(code).toBe(137)
    expect(stderr).toMatch(
      /hvdrun: rank 1 on b was killed by SIGKILL; waited 12 s \(--elastic-timeout\) for slots for at least 2 processes, there is one\n/,
    )
    expect(await leftOf(job.marker, 5)).toEqual([])
  })

  test('all ranks are killed', async () => {
    const job = await start('a:1\nb:1\n', ['--min-np', '1', '--max-np', '2'])
    await job.until(({ event, size, step }) => event === 'step' && size === 2 && step >= 3)
    const all = await Promise.all([0, 1].map((rank) => job.until((line) => line.size === 2 && line.rank === rank)))
    for (const { pid } of all) kill(pid)
    const { code, stderr } = await job.ended
    expect(code).toBe(137)
    expect(stderr).toMatch(/hvdrun: rank \d on [ab] was killed by SIGKILL; nobody is left who has the training state\n/)
    expect(await leftOf(job.marker, 5)).toEqual([])
  })

  test('a command that fails at once ends the job with what it said', async () => {
    const job = await start(undefined, ['-H', 'a:2', '--min-np', '2'], {
      command: ['sh', '-c', 'echo no data >&2; exit 3'],
    })
    const { code, stderr } = await job.ended
    expect(code).toBe(3)
    expect(stderr).toMatch(/rank \d on a exited with code 3; .*no other host can come\nits last lines:\n {2}no data\n/)
  })

  test('a host that cannot be reached is tried again, and holds nobody up', async () => {
    const job = await start('a:1\nnowhere:1\n', ['--min-np', '1', '--start-timeout', '4'])
    await job.says(/host nowhere: no answer within 4 s; .*; it is tried again every 10 s\n/)
    await job.until(({ event, size, step }) => event === 'step' && size === 1 && step >= 3)
    await endsWell(job, 1)
    expect(job.stderr()).not.toMatch(/not needed/)
  })

  test('nor is the end held up by a host that does not answer yet', async () => {
    const job = await start('a:1\n', ['--min-np', '1', '--start-timeout', NEVER])
    await job.until(({ event, step }) => event === 'step' && step >= 3)
    job.hosts('a:1\nnowhere:1\n')
    await job.says(/hosts: a:1, nowhere:1/)
    await endsWell(job, 1)
    expect(job.stderr()).not.toMatch(/not needed/)
  })

  test('all hosts go, and come back: the ranks wait, and nothing is lost', async () => {
    const job = await start('a:1\nb:1\n', ['--min-np', '2'])
    await job.until(({ event, size, step }) => event === 'step' && size === 2 && step >= 3)
    job.hosts('')
    await job.says(/hvdrun: hosts: none\n/)
    const steps = () => job.lines().filter(({ event }) => event === 'step').length
    for (let before = -1; before < steps(); ) {
      before = steps()
      await new Promise((resolve) => setTimeout(resolve, 1000))
    }
    const last = Math.max(...job.lines().map(({ step = 0 }) => step))
    job.hosts('a:1\nb:1\n')
    const next = await job.until(({ event, step }) => event === 'begin' && step > 0)
    expect(next.step).toBe(last + 1) // the step that heard of it counts too
    await endsWell(job, 2)
    expect(new Set(job.lines().map(({ pid }) => pid)).size).toBe(2)
    expect(job.stderr()).not.toMatch(/killed|exited/)
  })

  test('a death is heard of at once, though what it has started still speaks', async () => {
    const command = ['sh', '-c', '(sleep 0.3; echo late >&2) & exit 3']
    const { code, stderr } = await (await start(undefined, ['-H', 'a:1', '--min-np', '1'], { command })).ended
    expect(code).toBe(3)
    expect(stderr).toMatch(/exited with code 3\n(?:.*\n)*\[0\]<stderr>:late\n(?:.*\n)*its last lines:\n {2}late\n/)
  })

  test('SIGTERM after which all end well has done no harm', async () => {
    const command = ['sh', '-c', 'trap "exit 0" TERM; echo ready; while :; do sleep 0.1; done']
    const job = await start(undefined, ['-H', 'a:2', '--min-np', '2'], { command })
    for (const rank of [0, 1]) await job.says(new RegExp(`\\[${rank}\\]<stdout>:ready`))
    kill(job.child.pid!, 'SIGTERM')
    expect((await job.ended).code).toBe(0)
    expect(await leftOf(job.marker, 5)).toEqual([])
  })

  test('SIGTERM to hvdrun is for all ranks', async () => {
    const job = await start('a:2\n', ['--min-np', '2'])
    await job.until(({ event, step }) => event === 'step' && step >= 3)
    kill(job.child.pid!, 'SIGTERM')
    expect((await job.ended).code).toBe(143)
    expect(await leftOf(job.marker, 5)).toEqual([])
  })

  test('after it nobody waits for a rank that, having lost another, wants to go on in a further world', async () => {
    const job = await start('a:2\n', ['--min-np', '2'], { environment: { STAYS: '1' } })
    await job.until(({ event, step }) => event === 'step' && step >= 3)
    kill(job.child.pid!, 'SIGTERM')
    const { code, stderr } = await job.ended
    expect(code).toBe(143)
    expect(stderr).not.toMatch(/killed|exited/)
    expect(await leftOf(job.marker, 5)).toEqual([])
  })

  test('nobody survives hvdrun', async () => {
    const job = await start('a:1\nb:1\n', ['--min-np', '2'])
    await job.until(({ event, step }) => event === 'step' && step >= 3)
    kill(job.child.pid!)
    await job.ended
    expect(await leftOf(job.marker, 5)).toEqual([])
  })
})

test('without hosts all ranks are here', async () => {
  const job = await start(undefined, ['--min-np', '2'])
  await job.until(({ event, size }) => event === 'step' && size === 2)
  await endsWell(job, 2)
})
