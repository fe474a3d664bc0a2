import { afterEach, describe, expect, test } from 'vitest'
import { loadNative } from '../../src/transports/native'
import { pause } from '../support/calls'
import { stranger } from '../support/sockets'
import { type TcpWorld, tcpWorld } from '../support/tcp-world'

let world: TcpWorld
afterEach(() => world.close())

const addon = loadNative()
const native = 'reason' in addon ? undefined : addon
const missing = 'reason' in addon ? ` (${addon.reason})` : ''

const floats = (elements: number, value: number) => {
  const data = new Float32Array(new SharedArrayBuffer(4 * elements)).fill(value)
  return { data, bytes: new Uint8Array(data.buffer) }
}

/** Sums ones, twos, … of all ranks. @returns whether every element was right on every rank */
async function sumsRight({ transports }: TcpWorld, elements: number): Promise<boolean> {
  const inputs = transports.map((_, rank) => floats(elements, rank + 1))
  await Promise.all(transports.map((transport, rank) => transport.allreduce(inputs[rank]!.bytes, 'float32', 'Sum')))
  const sum = (transports.length * (transports.length + 1)) / 2
  return inputs.every(({ data }) => data.every((value) => value === sum))
}

describe.each([
  { way: 'in TypeScript', nativeOf: () => undefined },
  { way: `by the addon${missing}`, nativeOf: () => native, needsAddon: true },
  {
    way: `by the addon on some ranks${missing}`,
    nativeOf: (rank: number) => (rank % 2 ? native : undefined),
    needsAddon: true,
  },
])('reductions $way', ({ nativeOf, needsAddon = false }) => {
  const open = (size: number) => tcpWorld(size, nativeOf)
  const skipped = needsAddon && !native
  test.skipIf(skipped).each([2, 3, 4, 5])('%i ranks: all operations, small and large', async (size) => {
    world = await open(size)
    const { transports } = world
    for (const elements of [0, 1, 7, 1000, 100_003, 1_500_000]) expect(await sumsRight(world, elements)).toBe(true)
    for (const count of [1, 3_000_000]) {
      const data = transports.map((_, rank) => new Uint8Array(count).fill(rank))
      await Promise.all(transports.map((transport, rank) => transport.broadcast(data[rank]!, size - 1)))
      expect(data.every((bytes) => bytes.every((byte) => byte === size - 1))).toBe(true)
    }
    const counts = transports.map((_, rank) => 100_000 * rank)
    const total = counts.reduce((sum, count) => sum + count)
    const gathered = await Promise.all(
      transports.map(async (transport, rank) => {
        const output = new Uint8Array(total)
        await transport.allgather(new Uint8Array(counts[rank]!).fill(rank), output, counts)
        return output
      }),
    )
    const expected = Buffer.concat(counts.map((count, rank) => Buffer.alloc(count, rank)))
    expect(gathered.map((output) => Buffer.compare(output, expected))).toEqual(transports.map(() => 0))
    const exchanged = await Promise.all(
      transports.map(async (transport, rank) => {
        const output = new Uint8Array(size * 70_000)
        const equal = transports.map(() => 70_000)
        const input = Buffer.concat(transports.map((_, to) => Buffer.alloc(70_000, 16 * rank + to)))
        await transport.alltoall(input, equal, output, equal)
        return output
      }),
    )
    for (const [rank, output] of exchanged.entries())
      expect(
        Buffer.compare(output, Buffer.concat(transports.map((_, from) => Buffer.alloc(70_000, 16 * from + rank)))),
      ).toBe(0)
  })

  test.skipIf(skipped)('connections are opened on first use, and only where something travels', async () => {
    world = await open(4)
    let accepted = 0
    for (const transport of world.transports) {
      const accept = transport.accept.bind(transport)
      transport.accept = (...connection) => {
        accepted++
        accept(...connection)
      }
    }
    expect(await sumsRight(world, 100_000)).toBe(true)
    expect(accepted).toBe(4) // the ring's, each in one direction
    expect(await sumsRight(world, 100_000)).toBe(true)
    expect(accepted).toBe(4)
  })

  test.skipIf(skipped)(
    'strangers of all kinds in the middle of reductions are refused, and every sum is right',
    async () => {
      world = await open(3)
      let going = true
      const come = async (act: (one: Awaited<ReturnType<typeof stranger>>) => void) => {
        while (going) {
          const address = world.listeners[Math.floor(3 * Math.random())]!.addresses[0]!
          act(await stranger(address))
          await pause(1)
        }
      }
      const strangers = Promise.all([
        come(({ socket }) => socket.destroy()),
        come(({ socket }) => socket.write('GET / HTTP/1.1\r\n\r\n')),
        come(({ socket }) => socket.end(Buffer.from([200, 0, 0, 0, 2, 1, 2, 3]))),
        come(({ socket }) => socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff, 2]))),
        come(({ socket }) => setTimeout(() => socket.destroy(), 200)),
      ])
      const crowd = await Promise.all(Array.from({ length: 200 }, () => stranger(world.listeners[0]!.addresses[0]!)))
      for (let i = 0; i < 10; i++) expect(await sumsRight(world, 700_000)).toBe(true)
      going = false
      await strangers
      for (const { socket } of crowd) socket.destroy()
      expect(world.warnings.length).toBeGreaterThan(0)
      expect(world.warnings.length).toBeLessThanOrEqual(6) // of hundreds: each listener says it once in ten seconds
    },
  )

  describe.skipIf(skipped)('a lost peer', () => {
    test.each([2, 3, 4])('of %i ranks is named at once by who talks with it', async (size) => {
      world = await open(size)
      expect(await sumsRight(world, 100_000)).toBe(true)
      const [lost, ...others] = world.transports
      const messages: string[] = []
      for (const [i, transport] of others.entries())
        transport.allreduce(floats(8_000_000, 1).bytes, 'float32', 'Sum').catch(({ message }: Error) => {
          messages[i] = message // more than the system takes while nobody receives it
        })
      await pause(20)
      await lost!.close()
      const neighbours = () => [messages[0], messages[size - 2]] // who gets from it, and who sends to it
      for (let i = 0; i < 100 && neighbours().includes(undefined); i++) await pause(20)
      for (const message of neighbours()) expect(message).toMatch(/^lost rank 0 \(host0, pid 100\): /)
    })

    test('that cannot be reached: what runs ends when the transport is closed', async () => {
      world = await open(3)
      world.listeners[2]!.destroy()
      const [transport] = world.transports
      const summing = transport!.allreduce(floats(100_000, 1).bytes, 'float32', 'Sum')
      const receiving = transport!.broadcast(new Uint8Array(10), 2)
      for (const running of [summing, receiving]) running.catch(() => {})
      await pause(50)
      const start = performance.now()
      await transport!.close()
      await expect(summing).rejects.toThrow('the transport is closed')
      await expect(receiving).rejects.toThrow('the transport is closed')
      expect(performance.now() - start).toBeLessThan(500)
    })

    test('of a closed transport everything rejects', async () => {
      world = await open(2)
      expect(await sumsRight(world, 10)).toBe(true)
      await world.transports[0]!.close()
      await expect(world.transports[0]!.allreduce(floats(1, 1).bytes, 'float32', 'Sum')).rejects.toThrow('is closed')
      await expect(world.transports[0]!.broadcast(new Uint8Array(1), 0)).rejects.toThrow('is closed')
    })
  })

  test.skipIf(skipped)('a second connection of a rank, or one of no rank of this world, is sent away', async () => {
    world = await open(2)
    expect(await sumsRight(world, 10)).toBe(true)
    const sent: string[] = []
    const connection = (name: string) => ({ close: () => sent.push(name) }) as never
    world.transports[0]!.accept(1, connection('second'))
    world.transports[0]!.accept(7, connection('none'))
    world.transports[0]!.accept(-1, connection('less'))
    expect(sent).toEqual(['second', 'none', 'less'])
    expect(await sumsRight(world, 10)).toBe(true)
  })
})
