import { expect, test } from 'vitest'
import { openTransport } from '../../src/transports/choose'
import { loadNative } from '../../src/transports/native'
import { TcpTransport } from '../../src/transports/tcp/tcp'
import type { Peer } from '../../src/transports/transport'

const addon = loadNative()
const noAddon = 'reason' in addon ? ` (${addon.reason})` : ''

test.skipIf(noAddon)(`more ranks than shared memory takes use tcp, and shm says so${noAddon}`, async () => {
  const peers = Array.from(
    { length: 257 },
    (_, rank): Peer => ({ ...{ rank, host: 'here', hostId: 'a', pid: 1, addresses: [], native: true } }),
  )
  const tcp = new TcpTransport({ rank: 3, peers, generation: 0, secret: 's', timeoutSeconds: 1 })
  const open = (name: string) => openTransport({ name, rank: 3, peers, tcp })
  expect(await open('auto')).toBe(tcp)
  await expect(open('shm')).rejects.toThrow(
    /^transport shm: got 257 ranks, shared memory takes 256 at most; use tcp, or auto$/,
  )
  await tcp.close()
})
