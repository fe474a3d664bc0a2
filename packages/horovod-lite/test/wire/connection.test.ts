import { expect, test } from 'vitest'
import { connect } from '../../src/wire/connect'
import type { Connection } from '../../src/wire/connection'
import { Listener } from '../../src/wire/listener'
import { pause } from '../support/calls'
import { pairOfConnections } from '../support/sockets'

test('frames wait until somebody takes them', async () => {
  const [a, b, close] = await pairOfConnections()
  await a.send(7, { hello: 1 })
  await a.send(8)
  await pause(50)
  const received = await new Promise<[number, string][]>((resolve) => {
    const frames: [number, string][] = []
    b.onFrame = (kind, payload) => {
      if (frames.push([kind, payload.toString()]) === 2) resolve(frames)
    }
  })
  expect(received).toEqual([
    [7, '{"hello":1}'],
    [8, ''],
  ])
  close()
})

test('a long frame arrives whole', async () => {
  const [a, b, close] = await pairOfConnections()
  const payload = Buffer.alloc(5_000_000, 'abc')
  const arrived = new Promise<Buffer>((resolve) => {
    b.onFrame = (_, bytes) => resolve(Buffer.from(bytes))
  })
  await a.send(1, payload)
  expect((await arrived).equals(payload)).toBe(true)
  close()
})

/** The two ends of a data connection: as transports have them, one reads straight to where bytes belong. */
async function rawPair(
  first = new Uint8Array(0),
): Promise<{ sender: Connection; receiver: Connection; close(): void }> {
  let onSender!: (connection: Connection) => void
  const sending = new Promise<Connection>((resolve) => {
    onSender = resolve
  })
  const listener = await Listener.open({
    hosts: ['127.0.0.1'],
    secret: 's',
    onConnection: (_, connection) => {
      connection.startRaw()
      if (first.byteLength > 0) void connection.write(first)
      onSender(connection)
    },
  })
  const hello = { role: 'data', rank: 0, generation: 0 }
  const receiver = await connect({ addresses: listener.addresses, secret: 's', timeoutSeconds: 5, ...hello })
  receiver.startRaw()
  return { sender: await sending, receiver, close: () => [receiver.close(), listener.destroy()] }
}

const pattern = (bytes: number, shift = 0) =>
  Uint8Array.from({ length: bytes }, (_, i) => (i * 7 + (i >> 8) + shift) & 255)

test('raw bytes fill the places that are given, in order, in memory that threads share too', async () => {
  const { sender, receiver, close } = await rawPair()
  const sizes = [3, 0, 100_000, 1, 700_000, 64 * 1024, 5]
  const data = pattern(sizes.reduce((sum, size) => sum + size, 0))
  const written = sender.write(data)
  const places = sizes.map((size) => new Uint8Array(new SharedArrayBuffer(size)))
  await Promise.all(places.map((place) => receiver.receiveInto(place)))
  await written
  expect(Buffer.concat(places).equals(data)).toBe(true)
  close()
})

test('raw bytes right behind the handshake are not lost', async () => {
  const data = pattern(1000)
  const { receiver, close } = await rawPair(data)
  const received = new Uint8Array(1000)
  await receiver.receiveInto(received)
  expect(Buffer.compare(received, data)).toBe(0)
  close()
})

test('raw bytes that come before anybody asks wait, whoever asks when', async () => {
  const { sender, receiver, close } = await rawPair()
  const data = pattern(300_000)
  for (let at = 0; at < data.length; at += 100_000) await sender.write(data.subarray(at, at + 100_000))
  const received = new Uint8Array(data.length)
  for (let at = 0, size = 1; at < data.length; at += size, size = Math.min(3 * size, data.length - at)) {
    await receiver.receiveInto(received.subarray(at, at + size))
    if (size < 1000) await pause(1)
  }
  expect(Buffer.compare(received, data)).toBe(0)
  close()
})

test('what nobody asks for stays with the system: the sender is held up, not memory filled', async () => {
  const { sender, receiver, close } = await rawPair()
  const data = pattern(2 ** 20)
  await Promise.all([sender.write(data), receiver.receiveInto(new Uint8Array(2 ** 20))]) // it has begun to read
  let written = 0
  const writing = Array.from({ length: 128 }, () => sender.write(data).then(() => written++))
  for (let before = -1; before < written; await pause(300)) before = written // until the system takes no more
  expect(written).toBeLessThan(128)
  const received = new Uint8Array(2 ** 20)
  for (let i = 0; i < 128; i++) await receiver.receiveInto(received)
  await Promise.all(writing)
  expect(Buffer.compare(received, data)).toBe(0)
  close()
})

test('who waits for bytes is told when the connection ends', async () => {
  const { sender, receiver, close } = await rawPair()
  await sender.write(pattern(10))
  const [first, second] = [new Uint8Array(10), new Uint8Array(10)]
  const arrived = receiver.receiveInto(first)
  const waiting = expect(receiver.receiveInto(second)).rejects.toThrow(/closed the connection|ECONNRESET/)
  await arrived
  sender.close()
  await waiting
  await expect(receiver.receiveInto(second)).rejects.toThrow(/closed the connection|ECONNRESET/)
  await expect(receiver.write(first)).rejects.toThrow()
  close()
})

test('the end of a connection is told once, also to who asks later', async () => {
  const [a, b, close] = await pairOfConnections()
  const told: (Error | undefined)[] = []
  b.onClose = (reason) => told.push(reason)
  a.end()
  await pause(50)
  expect(told).toEqual([undefined])
  const late: (Error | undefined)[] = []
  b.onClose = (reason) => late.push(reason)
  expect(late).toEqual([undefined])
  await expect(b.send(1)).rejects.toThrow('is closed')
  close()
})
