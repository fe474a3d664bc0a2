import { afterEach, expect, test } from 'vitest'
import type { Connection } from '../../src/wire/connection'
import { openRegistration, register } from '../../src/wire/register'
import { HOSTS_UPDATED, type Policy, type Registration, RendezvousServer } from '../../src/wire/rendezvous'
import { pause } from '../support/calls'
import { freePort } from '../support/ranks'

const secret = 'the secret of a job'
const timeoutSeconds = 10
const servers: RendezvousServer[] = []
const connections: Connection[] = []
afterEach(() => {
  for (const connection of connections.splice(0)) connection.close()
  for (const server of servers.splice(0)) server.close()
})

async function open(options: { port?: number; policy?: Policy } = {}): Promise<RendezvousServer> {
  const server = await RendezvousServer.open({ host: '127.0.0.1', secret, ...options })
  servers.push(server)
  return server
}

const registrationOf = (rank: number | null, size: number | null): Registration => ({
  ...{ rank, size, worker: `w${rank}`, hasState: false, native: false },
  ...{
    host: 'here',
    hostId: 'x',
    pid: 100 + (rank ?? 0),
    addresses: [{ host: '127.0.0.1', port: 1000 + (rank ?? 0) }],
  },
})

/** A process that connects and waits for its place. */
async function come(address: { host: string; port: number }, registration: Registration, seconds = timeoutSeconds) {
  const connection = await openRegistration({ address, secret, timeoutSeconds })
  connections.push(connection)
  return { connection, place: register(connection, registration, seconds) }
}

test('when all ranks are there, each gets its place and everybody’s addresses, by rank', async () => {
  const { address } = await open()
  const coming = [2, 0, 1].map((rank) => come(address, registrationOf(rank, 3)))
  const places = await Promise.all(coming.map(async (one) => (await one).place))
  expect(places.map(({ world }) => [world.rank, world.size])).toEqual([
    [2, 3],
    [0, 3],
    [1, 3],
  ])
  for (const { peers, generation } of places) {
    expect(generation).toBe(0)
    expect(peers).toEqual(
      [0, 1, 2].map((rank) => ({
        ...{ rank, host: 'here', hostId: 'x', pid: 100 + rank, native: false },
        addresses: [{ host: '127.0.0.1', port: 1000 + rank }],
      })),
    )
  }
})

test('rank 0 may be the last to start', async () => {
  const port = await freePort()
  const address = { host: '127.0.0.1', port }
  const first = come(address, registrationOf(1, 2))
  await pause(300)
  await open({ port })
  const zero = await come(address, registrationOf(0, 2))
  expect((await zero.place).world.rank).toBe(0)
  expect((await (await first).place).world.rank).toBe(1)
})

test('when the time is over the missing ranks are named', async () => {
  const { address } = await open()
  const few = await Promise.all([0, 2].map((rank) => come(address, registrationOf(rank, 4), 0.5)))
  for (const { place } of few)
    await expect(place).rejects.toThrow(
      /^waited 0.5 s for all processes to start; ranks 1, 3 did not come: .*HOROVOD_START_TIMEOUT/,
    )
})

test('of many missing ranks some are named', async () => {
  const { address } = await open()
  const { place } = await come(address, registrationOf(3, 1024), 0.5)
  await expect(place).rejects.toThrow('ranks 0, 1, 2, 4, 5, 6, 7, 8, 9, 10, … (1023 in all) did not come')
})

test('a rank that has left while it waited is missing again', async () => {
  const { address } = await open()
  const one = await come(address, registrationOf(1, 3))
  one.place.catch(() => {})
  const { place } = await come(address, registrationOf(0, 3), 0.5)
  one.connection.close()
  await expect(place).rejects.toThrow('ranks 1, 2 did not come')
})

test('when the rendezvous goes, who waits is told at once', async () => {
  const server = await open()
  const { place } = await come(server.address, registrationOf(0, 2))
  await pause(150)
  server.close()
  await expect(place).rejects.toThrow(/the rendezvous at .* has gone .* while rank 1 had not come; look at the output/)
})

test.each<[what: string, second: Registration, message: RegExp]>([
  [
    'the same rank twice',
    registrationOf(0, 2),
    /got rank 0 of 2 \(here, pid 100\), expected another rank.* beside rank 0 of 2/,
  ],
  ['another size', registrationOf(1, 3), /got rank 1 of 3 .*the size that all have, beside rank 0 of 2/],
  ['no rank', registrationOf(null, null), /got a process without a rank/],
])('%s: that process is told, and the others go on', async (_, second, message) => {
  const { address } = await open()
  const zero = await come(address, registrationOf(0, 2))
  const { place } = await come(address, second)
  await expect(place).rejects.toThrow(message)
  await expect(place).rejects.toThrow(/^the rendezvous at 127\.0\.0\.1:\d+ has no place for this process: /)
  const one = await come(address, registrationOf(1, 2))
  await Promise.all([zero.place, one.place])
})

test('a world may follow another', async () => {
  const { address } = await open()
  for (const generation of [0, 1, 2]) {
    const both = await Promise.all([0, 1].map((rank) => come(address, registrationOf(rank, 2))))
    for (const { place } of both) expect((await place).generation).toBe(generation)
  }
})

test('a policy gives places to some, and news goes to all who are connected', async () => {
  const world = (rank: number) => ({
    rank,
    size: 2,
    localRank: rank,
    localSize: 2,
    crossRank: 0,
    crossSize: 1,
    source: null,
  })
  const left: string[] = []
  const server = await open({
    policy: {
      assign: (waiting) => (waiting.length < 3 ? undefined : waiting.map((_, i) => (i === 1 ? null : world(i / 2)))),
      onLeave: ({ registration }) => left.push(registration.worker),
    },
  })
  const all = []
  for (const worker of ['a', 'b', 'c']) all.push(await come(server.address, { ...registrationOf(null, null), worker }))
  const [a, b, c] = all as [(typeof all)[0], (typeof all)[0], (typeof all)[0]]
  expect([(await a.place).world.rank, (await c.place).world.rank]).toEqual([0, 1])
  expect((await a.place).peers).toHaveLength(2)
  const early = await Promise.race([b.place, pause(100)])
  expect(early).toBeUndefined()

  const heard = new Promise<number>((resolve) => {
    a.connection.onFrame = resolve
  })
  server.notify(HOSTS_UPDATED)
  expect(await heard).toBe(HOSTS_UPDATED)
  b.place.catch(() => {})
  c.connection.close()
  await pause(50)
  expect(left).toEqual(['c'])
})

test('two hundred processes at once', async () => {
  const { address } = await open()
  const places = await Promise.all(
    Array.from({ length: 200 }, async (_, rank) => (await come(address, registrationOf(rank, 200))).place),
  )
  expect(new Set(places.map(({ world }) => world.rank)).size).toBe(200)
  expect(places[0]!.peers.map(({ rank }) => rank)).toEqual(places.map((_, rank) => rank))
})
