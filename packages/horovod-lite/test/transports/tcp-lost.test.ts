import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { TcpTransport } from '../../src/transports/tcp/tcp'

/** A port where nobody listens. */
const closedPort = () =>
  new Promise<number>((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })

test('an operation with a peer that cannot be reached ends when the transport is closed', async () => {
  const addresses = [{ host: '127.0.0.1', port: await closedPort() }]
  const peers = [0, 1, 2].map((rank) => ({ rank, host: 'here', hostId: '', pid: 1, addresses, native: false }))
  const transport = new TcpTransport({ rank: 0, peers, generation: 0, secret: 'secret', timeoutSeconds: 10 })
  const running = transport.allreduce(new Uint8Array(3 * 4096), 'float32', 'Sum')
  running.catch(() => {})
  await new Promise((resolve) => setTimeout(resolve, 50))
  const start = performance.now()
  await transport.close()
  await expect(running).rejects.toThrow('the transport is closed')
  expect(performance.now() - start).toBeLessThan(500)
})
