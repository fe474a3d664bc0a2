import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { hvdrun, script, temporaryFolder, whyNoNamespaces } from '../support/hvdrun'
import { network } from '../support/namespaces'

const problem = whyNoNamespaces()

test.skipIf(problem)(
  `processes elsewhere register at the address by which their host sees hvdrun's${problem ? ` (${problem})` : ''}`,
  async () => {
    const net = network(2)
    try {
      const [here] = net.addresses
      // The first address of hvdrun's host is one that nobody else can reach.
      const ip = (words: string) => execFileSync('ip', ['-n', net.hosts[0]!, ...words.split(' ')])
      ip(`address delete ${here}/24 dev eth0`)
      ip('address add 10.66.0.1/32 dev eth0')
      ip(`address add ${here}/24 dev eth0`)
      const folder = temporaryFolder()
      const enter = `export SSH_CONNECTION="${here} 1 0.0.0.0 22"; host=$1; shift; exec ip netns exec "$host" sh -c "$1"`
      const hosts = net.hosts.map((host) => `echo ${host}:1`).join('; ')
      const where = ['--host-discovery-script', hosts, '--ssh-command', script(folder, 'enter', enter)]
      const args = [
        ...where,
        '--min-np',
        '2',
        '--elastic-timeout',
        '30',
        '--transport',
        'tcp',
        'NODE',
        'PROGRAM',
        'sum',
      ]
      const { code, stdout } = await (await hvdrun(args, { cwd: folder, through: net.on(0) })).ended
      expect([code, stdout.match(/"sum":1\b/g)?.length]).toEqual([0, 2])
    } finally {
      net.remove()
    }
  },
)
