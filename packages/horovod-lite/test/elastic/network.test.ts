import { execFileSync } from 'node:child_process'
import { afterEach, describe, expect, test } from 'vitest'
import { hvdrun, script, temporaryFolder, whyNoNamespaces } from '../support/hvdrun'
import { type Network, network } from '../support/namespaces'
import { endsWell, start } from './job'

const problem = whyNoNamespaces()

let net: Network | undefined
afterEach(() => {
  net?.remove()
  net = undefined
})

describe.skipIf(problem)(`hosts with networks of their own${problem ? ` (${problem})` : ''}`, () => {
  const ip = (host: string, words: string) => execFileSync('ip', ['-n', host, ...words.split(' ')])

  test("processes elsewhere register at the address by which their host sees hvdrun's", async () => {
    net = network(2)
    const [here] = net.addresses
    // The first address of hvdrun's host is one that nobody else can reach.
    for (const words of [`delete ${here}/24`, 'add 10.66.0.1/32', `add ${here}/24`])
      ip(net.hosts[0]!, `address ${words} dev eth0`)
    const folder = temporaryFolder()
    const enter = `export SSH_CONNECTION="${here} 1 0.0.0.0 22"; host=$1; shift; exec ip netns exec "$host" sh -c "$1"`
    const hosts = net.hosts.map((host) => `echo ${host}:1`).join('; ')
    const where = ['--host-discovery-script', hosts, '--ssh-command', script(folder, 'enter', enter)]
    const limits = ['--min-np', '2', '--elastic-timeout', '30', '--transport', 'tcp']
    const job = await hvdrun([...where, ...limits, 'NODE', 'PROGRAM', 'sum'], { cwd: folder, through: net.on(0) })
    const { code, stdout } = await job.ended
    expect([code, stdout.match(/"sum":1\b/g)?.length]).toEqual([0, 2])
  })

  test('a host that reaches hvdrun but not rank 0 is left, and the others go on', async () => {
    net = network(3)
    const [first, second, third] = net.hosts as [string, string, string]
    const args = ['--min-np', '2', '--start-timeout', '5']
    const job = await start(`${second}:1\n${first}:1\n`, args, { network: net })
    await job.until(({ event, size, step }) => event === 'step' && size === 2 && step >= 3)
    ip(third, `route add blackhole ${net.addresses[1]}/32`)
    job.hosts(`${second}:1\n${first}:1\n${third}:1\n`)
    await job.says(/world 2: 3 processes/)
    await job.says(/world 3: 2 processes/)
    expect(new Set(await endsWell(job, 2))).toEqual(new Set([2]))
    expect(job.stderr()).toMatch(new RegExp(`rank 2 on ${third} (exited with code 1|did not join its world)`))
    expect(job.stderr()).not.toMatch(/rank [01] on/)
  })
})
