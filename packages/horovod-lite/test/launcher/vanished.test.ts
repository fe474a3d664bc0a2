import { execFileSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { loadNative } from '../../src/transports/native'
import { hvdrun, leftOf, whyNoNamespaces } from '../support/hvdrun'
import { network } from '../support/namespaces'

// A host from which nothing comes any more, also no end of a connection: its cable is pulled while all ranks have just told
// the coordinator what they wait for. The system alone would repeat that for a quarter of an hour.

const addon = loadNative()
const problem = whyNoNamespaces() ?? ('reason' in addon ? addon.reason : undefined)

describe.skipIf(problem)(`a host that vanishes${problem ? ` (${problem})` : ''}`, () => {
  test.each([0, 1])('host %i: the rank on the other one is told', async (gone) => {
    const net = network(2)
    try {
      const hosts = ['-H', net.hosts.map((host) => `${host}:1`).join(','), '--ssh-command', net.ssh]
      const environment = { HOROVOD_GLOO_TIMEOUT_SECONDS: '3' }
      const job = await hvdrun(['-np', '2', ...hosts, 'NODE', 'PROGRAM', 'train'], { through: net.on(0), environment })
      await job.says(/rank 0 is ready[\s\S]*rank 1 is ready|rank 1 is ready[\s\S]*rank 0 is ready/)
      execFileSync('ip', ['netns', 'exec', net.hosts[gone]!, 'ip', 'link', 'set', 'eth0', 'down'])
      const { code, stderr } = await job.ended
      expect(code).toBe(1)
      expect(stderr).toMatch(/HorovodInternalError: (lost )?rank [01] \(\S+, pid \d+\)/)
      expect(await leftOf(job.marker, 5)).toEqual([])
    } finally {
      net.remove()
    }
  })
})
