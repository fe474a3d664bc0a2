import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  CLIENT_PROOF,
  GREETING,
  greetingOf,
  type Hello,
  newNonce,
  nonceOf,
  proofOf,
  REFUSED,
  SERVER_PROOF,
} from '../../src/wire/authentication'
import { connect } from '../../src/wire/connect'
import type { Connection } from '../../src/wire/connection'
import { FrameReader, frameParts } from '../../src/wire/frames'
import { Listener } from '../../src/wire/listener'
import { pause, until } from '../support/calls'
import { otherServer, type Stranger, stranger } from '../support/sockets'

const secret = 'the secret of a job'
const hello: Hello = { role: 'data', rank: 3, generation: 2 }
const frame = (kind: number, payload: string | object) =>
  Buffer.concat(frameParts(kind, Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload))))

let listener: Listener
let admitted: { hello: Hello; connection: Connection }[]
let warnings: string[]
beforeEach(async () => {
  admitted = []
  warnings = []
  listener = await Listener.open({
    hosts: ['127.0.0.1'],
    secret,
    onConnection: (hello, connection) => admitted.push({ hello, connection }),
    onRefused: (line) => warnings.push(line),
  })
})
afterEach(() => listener.destroy())

const here = () => listener.addresses[0]!
const friend = (more: object = {}) => connect({ addresses: [here()], secret, timeoutSeconds: 5, ...hello, ...more })

async function framesOf({ received, closed }: Stranger, enough = 1): Promise<{ kind: number; text: string }[]> {
  let over = false
  void closed.then(() => {
    over = true
  })
  for (;;) {
    const reader = new FrameReader()
    reader.push(received())
    const frames: { kind: number; text: string }[] = []
    for (let frame = reader.take(10_000); frame; frame = reader.take(10_000))
      frames.push({ kind: frame.kind, text: frame.payload.toString() })
    if (frames.length >= enough || over) return frames
    await pause(5)
  }
}

/** A connection that has been greeted. */
async function greeted(from?: string): Promise<Stranger & { nonce: string }> {
  const one = await stranger(here(), from)
  const [greeting] = await framesOf(one)
  expect(greeting?.kind).toBe(GREETING)
  return { ...one, nonce: nonceOf(greeting!.text)! }
}

const proven = (nonce: string, claimed: Hello, proved = claimed) => {
  const own = newNonce()
  return { ...claimed, nonce: own, proof: proofOf('client', secret, [nonce, own], proved) }
}

/** Nobody got in, and who knows the secret still does. */
async function expectRefused(pattern: RegExp): Promise<void> {
  expect(admitted).toEqual([])
  expect(warnings).toEqual([expect.stringMatching(pattern)])
  expect(warnings[0]).toMatch(/^refused a connection from (127\.0\.0\.1:\d+|somewhere): /)
  const connection = await friend()
  expect(admitted.map((each) => each.hello)).toEqual([hello])
  connection.close()
}

test('who knows the secret is admitted as who it says it is; frames go both ways', async () => {
  const connection = await friend()
  const [{ hello: said, connection: other }] = admitted as [(typeof admitted)[number]]
  expect(said).toEqual(hello)
  const heard = new Promise((resolve) => {
    other.onFrame = (kind, payload) => resolve([kind, payload.toString()])
  })
  await connection.send(9, 'hi')
  expect(await heard).toEqual([9, 'hi'])
  expect(warnings).toEqual([])
  connection.close()
})

describe('refused, and others are still admitted', () => {
  test('a browser', async () => {
    const { socket, closed } = await stranger(here())
    socket.write('GET / HTTP/1.1\r\nHost: example.org\r\n\r\n')
    await closed
    await expectRefused(/got a frame of \d+ bytes, expected at most 1024/)
  })

  test('garbage', async () => {
    const { socket, closed } = await stranger(here())
    socket.write(Buffer.alloc(100_000, 0x5a))
    await closed
    await expectRefused(/got a frame of \d+ bytes/)
  })

  test('a huge length', async () => {
    const { socket, closed } = await stranger(here())
    socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff, CLIENT_PROOF]))
    await closed
    await expectRefused(/got a frame of 4294967295 bytes, expected at most 1024/)
  })

  test.each<[what: string, bytes: Buffer]>([
    ['another kind of frame', frame(77, { ...hello, nonce: 'n', proof: 'p' })],
    ['no JSON', frame(CLIENT_PROOF, '{')],
    ['null', frame(CLIENT_PROOF, 'null')],
    ['an incomplete hello', frame(CLIENT_PROOF, { role: 'data', rank: 1, generation: 0 })],
    ['a hello of wrong types', frame(CLIENT_PROOF, { ...hello, rank: '3', nonce: 'n', proof: 'p' })],
    ['a rank that is no whole number', frame(CLIENT_PROOF, { ...hello, rank: 1.5, nonce: 'n', proof: 'p' })],
  ])('a malformed frame: %s', async (_, bytes) => {
    const { socket, closed } = await stranger(here())
    socket.write(bytes)
    await closed
    await expectRefused(/it spoke another language/)
  })

  test('half a frame, then the end', async () => {
    const { socket, closed } = await stranger(here())
    socket.end(frame(CLIENT_PROOF, { ...hello, nonce: 'n', proof: 'p' }).subarray(0, 30))
    await closed
    await expectRefused(/it left before it had proved anything/)
  })

  test("a port scanner's connection", async () => {
    const { socket } = await stranger(here())
    socket.destroy()
    await pause(50)
    await expectRefused(/it left before it had proved anything|ECONNRESET/)
  })

  test('another secret, and both sides say so', async () => {
    await expect(friend({ secret: 'another' })).rejects.toThrow(
      /127\.0\.0\.1:\d+ refused this process: it has another HOROVOD_SECRET_KEY, or is another job's/,
    )
    await expectRefused(/it does not know the secret of this job/)
  })

  test.each<[what: string, claimed: Partial<Hello>]>([
    ['rank', { rank: 0 }],
    ['role', { role: 'control' }],
    ['world', { generation: 3 }],
  ])('a proof for another %s', async (_, claimed) => {
    const { socket, nonce, closed } = await greeted()
    socket.write(frame(CLIENT_PROOF, proven(nonce, { ...hello, ...claimed }, hello)))
    await closed
    await expectRefused(/it does not know the secret/)
  })

  test('a proof of another length', async () => {
    const { socket, nonce, closed } = await greeted()
    socket.write(frame(CLIENT_PROOF, { ...proven(nonce, hello), proof: '' }))
    await closed
    await expectRefused(/it does not know the secret/)
  })

  test("the listener's own proof, sent back", async () => {
    const { socket, nonce, closed } = await greeted()
    const own = newNonce()
    socket.write(frame(CLIENT_PROOF, { ...hello, nonce: own, proof: proofOf('server', secret, [nonce, own], hello) }))
    await closed
    await expectRefused(/it does not know the secret/)
  })

  test('a handshake that was good once, played again', async () => {
    const first = await greeted()
    const recorded = frame(CLIENT_PROOF, proven(first.nonce, hello))
    first.socket.write(recorded)
    const frames = await framesOf(first, 2)
    expect(frames[1]!.kind).toBe(SERVER_PROOF)
    expect(admitted.splice(0)).toHaveLength(1)

    const again = await greeted()
    again.socket.write(recorded)
    const refusal = await framesOf(again, 2)
    expect(refusal[1]!.kind).toBe(REFUSED)
    await again.closed
    await expectRefused(/it does not know the secret/)
    first.socket.destroy()
  })
})

test('who says nothing, or says it slowly, is refused when the time is over; meanwhile others are admitted', async () => {
  const silent = await stranger(here())
  const slow = await stranger(here())
  const bytes = frame(CLIENT_PROOF, { ...hello, nonce: newNonce(), proof: 'p'.repeat(64) })
  let said = 0
  const talking = setInterval(() => slow.socket.write(bytes.subarray(said, ++said)), 50)
  const start = performance.now()
  const connection = await friend()
  expect(performance.now() - start).toBeLessThan(1000)
  await Promise.all([silent.closed, slow.closed])
  clearInterval(talking)
  expect(performance.now() - start).toBeGreaterThan(4000)
  expect(performance.now() - start).toBeLessThan(9000)
  expect(admitted).toHaveLength(1)
  expect(warnings).toEqual([expect.stringMatching(/it said too little in time/)]) // of both, within ten seconds
  connection.close()
})

test('of hundreds who prove nothing some must go, and who knows the secret is admitted at once', async () => {
  const strangers = await Promise.all(Array.from({ length: 200 }, () => stranger(here())))
  const start = performance.now()
  const friends = await Promise.all(Array.from({ length: 20 }, () => friend()))
  expect(performance.now() - start).toBeLessThan(3000)
  expect(admitted).toHaveLength(20)
  expect(await until(() => strangers.filter(({ socket }) => !socket.destroyed).length <= 128)).toBe(true)
  expect(warnings).toEqual([expect.stringMatching(/too many others came that prove nothing/)]) // one line for all
  for (const { socket } of strangers) socket.destroy()
  for (const connection of friends) connection.close()
})

describe('a crowd that comes while peers, who have come before, have not proved yet that they know the secret', () => {
  /** @returns how many of 20 peers get in */
  async function admittedBeside(crowd: number, from?: string): Promise<number> {
    const peers = await Promise.all(Array.from({ length: 20 }, () => greeted(from)))
    const strangers = await Promise.all(Array.from({ length: crowd }, () => greeted().catch(() => undefined)))
    expect(
      await until(() => [...peers, ...strangers].filter((one) => one && !one.socket.destroyed).length <= 128),
    ).toBe(true)
    for (const { socket, nonce } of peers) socket.write(frame(CLIENT_PROOF, proven(nonce, hello)))
    await Promise.all(peers.map((peer) => Promise.race([peer.closed, framesOf(peer, 2)])))
    for (const { socket } of [...peers, ...strangers.filter((one) => one !== undefined)]) socket.destroy()
    return admitted.length
  }

  const linux = process.platform === 'linux'
  test.skipIf(!linux)('from elsewhere drives none of them out (needs Linux, for 127.0.0.2)', async () => {
    expect(await admittedBeside(300, '127.0.0.2')).toBe(20)
  })

  test('from the same address does not drive out all of them', async () => {
    expect(await admittedBeside(160)).toBeGreaterThan(0)
  })
})

describe('the side that connects', () => {
  const connectTo = (address: { host: string; port: number }) =>
    connect({ addresses: [address], secret, timeoutSeconds: 0.5, ...hello })

  test('refuses a listener that does not know the secret', async () => {
    const { server, address } = await otherServer((socket) => {
      socket.write(frame(GREETING, greetingOf(newNonce())))
      socket.once('data', () => socket.write(frame(SERVER_PROOF, 'f'.repeat(64))))
    })
    await expect(connectTo(address)).rejects.toThrow(/does not know the secret of this job \(HOROVOD_SECRET_KEY\)/)
    server.close()
  })

  test('refuses a listener that sends its own proof back', async () => {
    const { server, address } = await otherServer((socket) => {
      socket.write(frame(GREETING, greetingOf(newNonce())))
      socket.once('data', (bytes) => {
        const { proof } = JSON.parse(bytes.subarray(5).toString())
        socket.write(frame(SERVER_PROOF, proof))
      })
    })
    await expect(connectTo(address)).rejects.toThrow(/does not know the secret/)
    server.close()
  })

  test.each<[what: string, says: Buffer | undefined, message: RegExp]>([
    ['another program', Buffer.from('SSH-2.0-OpenSSH_9.2\r\n'), /got a frame of \d+ bytes/],
    ['another version', frame(GREETING, 'horovod-lite/99 abc'), /another program, or another version of this one/],
    ['nothing', undefined, /no answer/],
  ])('waits in vain for a listener that says %s', async (_, says, message) => {
    const { server, address } = await otherServer((socket) => says && socket.write(says))
    await expect(connectTo(address)).rejects.toThrow(message)
    await expect(connectTo(address)).rejects.toThrow(/^cannot connect to 127\.0\.0\.1:\d+ within 0.5 s/)
    server.close()
  })

  test('tries all addresses, and again until somebody listens', async () => {
    const { server, address } = await otherServer(() => {})
    server.close()
    await pause(20)
    const connecting = connect({ addresses: [address], secret, timeoutSeconds: 5, ...hello })
    await pause(300)
    const late = await Listener.open({
      hosts: [address.host],
      port: address.port,
      secret,
      onConnection: (hello, connection) => admitted.push({ hello, connection }),
    })
    const connection = await connecting
    expect(admitted).toHaveLength(1)
    const other = await connect({
      addresses: [{ host: '127.0.0.1', port: 1 }, address],
      secret,
      timeoutSeconds: 5,
      ...hello,
    })
    for (const each of [connection, other]) each.close()
    late.destroy()
  })
})
