import { execFileSync } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'
import { afterEach, describe, expect, test } from 'vitest'
import { hvdrun, kill, leftOf, processesOf, script, temporaryFolder, whyNoNamespaces } from '../support/hvdrun'
import { delayedLine, type Network, network } from '../support/namespaces'

// Hosts with networks of their own: namespaces, reached by an "ssh" that enters them.

const problem = whyNoNamespaces()
const noPython = (() => {
  try {
    execFileSync('python3', ['--version'], { stdio: 'ignore' })
    return undefined
  } catch {
    return 'needs python3 for the relay'
  }
})()

let net: Network | undefined
afterEach(() => {
  net?.remove()
  net = undefined
})

const jsonOf = (text: string) =>
  text
    .split('\n')
    .flatMap((line) => /^\[\d+\]<stdout>:(\{.*)$/.exec(line)?.[1] ?? [])
    .map((line) => JSON.parse(line))

/** What ranks of `launched large` print. */
const sumsOf = (text: string) => jsonOf(text).map(({ large }) => large.sums)
const longest = (text: string, what: 'small' | 'large') =>
  Math.max(...jsonOf(text).map((line) => line[what].seconds as number))

describe.skipIf(problem)(`hosts with networks of their own${problem ? ` (${problem})` : ''}`, () => {
  const twoHosts = (made: Network) => [
    '-np',
    '4',
    '-H',
    made.hosts.map((host) => `${host}:2`).join(','),
    '--ssh-command',
    made.ssh,
  ]

  test('two hosts with two ranks each train over tcp, found by themselves', async () => {
    net = network(2)
    const job = await hvdrun([...twoHosts(net), 'NODE', 'PROGRAM', 'sum'], { through: net.on(0) })
    const { code, stdout } = await job.ended
    expect(code).toBe(0)
    expect(
      jsonOf(stdout)
        .map(({ place, sum, transport }) => ({ place, sum, transport }))
        .sort((a, b) => a.place[0] - b.place[0]),
    ).toEqual(
      [
        [0, 4, 0, 2, 0, 2],
        [1, 4, 1, 2, 0, 2],
        [2, 4, 0, 2, 1, 2],
        [3, 4, 1, 2, 1, 2],
      ].map((place) => ({ place, sum: 6, transport: 'tcp' })),
    )
  })

  test('--network-interface chooses where they listen', async () => {
    net = network(2)
    const args = [...twoHosts(net), '--network-interface', 'eth0', 'NODE', 'PROGRAM', 'sum']
    expect((await (await hvdrun(args, { through: net.on(0) })).ended).code).toBe(0)
    const wrong = [...twoHosts(net), '--network-interface', 'lo', '--start-timeout', '2', 'NODE', 'PROGRAM', 'sum']
    const job = await hvdrun(wrong, { through: net.on(0) })
    const { code, stderr } = await job.ended
    expect(code).not.toBe(0)
    expect(stderr).toMatch(/hvdrun: rank \d on \S+ exited with code 1/)
    expect(stderr).toMatch(/127\.0\.0\.1|did not come/)
    expect(await leftOf(job.marker, 5)).toEqual([])
  })

  test('a thin line only takes longer', async () => {
    net = network(2, { rate: '50mbit' })
    const job = await hvdrun([...twoHosts(net), 'NODE', 'PROGRAM', 'large'], { through: net.on(0) })
    const { code, stdout } = await job.ended
    expect(code).toBe(0)
    // 2 MB: three quarters of it twice from each host to the other.
    const least = (2 * 0.75 * 500_000 * 4 * 8) / 50e6
    expect(sumsOf(stdout)).toEqual(Array(4).fill([10, 10]))
    expect(longest(stdout, 'large')).toBeGreaterThan(0.9 * least)
  })

  test.skipIf(noPython)(`a line with 100 ms of delay${noPython ? ` (${noPython})` : ''}`, async () => {
    net = network(2)
    const line = await delayedLine(net, 100)
    try {
      const args = [...twoHosts(net), '--network-interface', 'delayed', 'NODE', 'PROGRAM', 'large']
      const { code, stdout } = await (await hvdrun(args, { through: net.on(0) })).ended
      expect(code).toBe(0)
      expect(sumsOf(stdout)).toEqual(Array(4).fill([10, 10]))
      // The other host's ranks tell rank 0 what they wait for, and get its answer.
      expect(longest(stdout, 'small')).toBeGreaterThan(0.2)
    } finally {
      await line.end()
    }
  })

  test('SIGTERM reaches the ranks on all hosts', async () => {
    net = network(2)
    const job = await hvdrun([...twoHosts(net), 'NODE', 'PROGRAM', 'train'], { through: net.on(0) })
    for (const rank of [0, 1, 2, 3]) await job.says(new RegExp(`rank ${rank} is ready`))
    job.child.kill('SIGTERM')
    expect((await job.ended).code).toBe(143)
    expect(await leftOf(job.marker, 5)).toEqual([])
  })

  describe('kill -9', () => {
    const start = async (ssh = '') => {
      net = network(2)
      const words = twoHosts(net)
      if (ssh) words[words.length - 1] = script(temporaryFolder(), 'enter', ssh)
      // Ranks that would not see by themselves that others are gone.
      const command = ['--', 'sh', '-c', 'echo rank $HOROVOD_RANK is ready; sleep 100']
      const job = await hvdrun([...words, ...command], { through: net.on(0) })
      for (const rank of [0, 1, 2, 3]) await job.says(new RegExp(`rank ${rank} is ready`))
      const running = processesOf(job.marker).map((pid) => ({
        pid,
        command: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '),
        network: readlinkSync(`/proc/${pid}/ns/net`),
      }))
      const own = readlinkSync(`/proc/${job.child.pid}/ns/net`)
      return { job, running, far: running.filter(({ network }) => network !== own) }
    }

    test('of hvdrun leaves nothing on the other host', async () => {
      const { job } = await start()
      job.child.kill('SIGKILL')
      expect(await leftOf(job.marker, 5)).toEqual([])
    })

    test("of the other host's agent ends its ranks there", async () => {
      const { job, far } = await start()
      kill(far.find(({ command }) => command.includes('agent.js'))!.pid)
      const { code, stderr } = await job.ended
      expect(code).not.toBe(0)
      expect(stderr).toMatch(/hvdrun: rank [23] on \S+ was lost: hvdrun's agent on \S+ has died/)
      expect(await leftOf(job.marker, 5)).toEqual([])
    })

    test('of ssh, as where the line is cut: the agent there ends its ranks', async () => {
      // cat stands for ssh: what passes through it is cut.
      const { job, running, far } = await start('host=$1; shift; cat | ip netns exec "$host" sh -c "$1"')
      expect(far.length).toBeGreaterThanOrEqual(3)
      for (const { pid, command } of running) if (command === 'cat ') kill(pid)
      expect((await job.ended).code).not.toBe(0)
      expect(await leftOf(job.marker, 5)).toEqual([])
    })
  })
})
