import { once } from 'node:events'
import { createConnection, createServer, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { freePort } from '../support/ranks'
import { complaints, outcomes, runScenario } from '../support/scenarios'

type Variables = Record<string, string | undefined>
const NO_HOROVOD = Object.fromEntries(
  ['RANK', 'SIZE', 'LOCAL_RANK', 'LOCAL_SIZE'].map((name) => [`HOROVOD_${name}`, undefined]),
)

const launchers: Record<string, (rank: number) => Variables> = {
  'HOROVOD_*': () => ({}),
  srun: (rank) => ({
    SLURM_PROCID: String(rank),
    SLURM_NTASKS: '3',
    SLURM_LOCALID: String(rank),
    SLURM_STEP_TASKS_PER_NODE: '3',
    SLURM_NODEID: '0',
    SLURM_NNODES: '1',
  }),
  torchrun: (rank) => ({
    RANK: String(rank),
    WORLD_SIZE: '3',
    LOCAL_RANK: String(rank),
    LOCAL_WORLD_SIZE: '3',
    GROUP_RANK: '0',
    GROUP_WORLD_SIZE: '1',
  }),
  PMI: (rank) => ({ PMI_RANK: String(rank), PMI_SIZE: '3' }),
}

test.each(Object.entries(launchers))("meets at rank 0 with %s's variables", async (launcher, variables) => {
  const environment = (rank: number) => ({ ...(launcher === 'HOROVOD_*' ? {} : NO_HOROVOD), ...variables(rank) })
  const ranks = await outcomes('place', { size: 3, environment })
  expect(ranks).toEqual([0, 1, 2].map((rank) => [rank, 3, rank, 3, 0, 1, 3]))
})

test("takes the port after torchrun's, which torchrun itself holds", async () => {
  const port = await freePort()
  const agent = createServer().listen(port, '127.0.0.1')
  await new Promise((resolve) => agent.once('listening', resolve))
  const environment = (rank: number) => ({
    ...NO_HOROVOD,
    ...launchers.torchrun!(rank),
    MASTER_PORT: String(port),
    TORCHELASTIC_USE_AGENT_STORE: 'True',
  })
  try {
    expect(await outcomes('place', { size: 3, environment })).toHaveLength(3)
  } finally {
    agent.close()
  }
})

test("a module of one's own carries the tensors; where it fails all are told", async () => {
  const transport = new URL('../support/simple_transport.mjs', import.meta.url).href
  const refused = /^HorovodInternalError: simple: got Max of float32, expected Sum of float32/
  for (const got of await outcomes('simple', { size: 3, transport }))
    expect(got).toEqual({
      transport: 'simple',
      results: [[3, 3], [0, 1, 1, 2, 2, 2], [1], 2], // biome-ignore format: one line
      refused: expect.stringMatching(refused),
    })
})

test.concurrent.each(['waiting', 'told later'])('a background thread that ends is no hang (%s)', async (how) => {
  const transport = new URL('../support/ending_transport.mjs', import.meta.url).href
  const dead = /^HorovodInternalError: the background thread is dead: /
  for (const { message, later } of await outcomes<{ message: string; later: string }>('ending', {
    size: 2,
    transport,
    args: [how],
  }))
    for (const told of [message, later]) expect(told).toMatch(dead)
})

interface Told {
  message: string
  seconds: number
  initialized: boolean
}

const failing = async (size: number, environment: (rank: number) => Variables): Promise<Told[]> => {
  const ranks = await runScenario('start', { size, environment })
  for (const { rank, code, lines } of ranks)
    expect({ rank, code, lines: lines.length }).toEqual({ rank, code: 0, lines: 1 })
  return ranks.map(({ lines }) => lines[0] as Told)
}

test('a rank that does not come is named when the time is over', async () => {
  for (const { message, seconds, initialized } of await failing(2, () => ({
    HOROVOD_SIZE: '4',
    HOROVOD_START_TIMEOUT: '1',
  }))) {
    expect(message).toMatch(/ranks 2, 3 (did not|had not) come/) // whoever holds the rendezvous may be the first to give up
    expect(seconds).toBeLessThan(10)
    expect(initialized).toBe(false)
  }
})

test('a rank that cannot begin does not keep the others waiting', async () => {
  const waiting = 'data:text/javascript,export const connect = () => new Promise(() => {})'
  const ranks = await failing(3, (rank) => ({ HOROVOD_TRANSPORT: rank === 1 ? 'pigeon' : waiting }))
  for (const [rank, { message, seconds }] of ranks.entries()) {
    expect(message).toMatch(rank === 1 ? /got pigeon, expected/ : /^Error: rank 1 \(.*\) has died/)
    expect(seconds).toBeLessThan(20) // not the 30 of the start timeout
  }
})

test('a rank with another secret is refused', async () => {
  const environment = (rank: number) => ({
    HOROVOD_START_TIMEOUT: '1',
    ...(rank === 1 ? { HOROVOD_SECRET_KEY: 'another' } : {}),
  })
  const [, other] = await failing(2, environment)
  expect(other!.message).toMatch(/another HOROVOD_SECRET_KEY/)
})

test.each<[what: string, variables: Variables, message: RegExp]>([
  ['no rendezvous', { MASTER_ADDR: undefined }, /got a world of 1?2 processes \(HOROVOD_SIZE\) and no rendezvous/],
  ['no secret', { HOROVOD_SECRET_KEY: undefined }, /got no HOROVOD_SECRET_KEY, expected the same secret on every rank/],
  ['an address of another host', { MASTER_ADDR: '192.0.2.1', HOROVOD_START_TIMEOUT: '1' }, /192\.0\.2\.1/],
  ['an interface that is not there', { HOROVOD_GLOO_IFACE: 'eth99' }, /network interface: got eth99, expected one of/],
  [
    'a timeout that is no number',
    { HOROVOD_START_TIMEOUT: 'soon' },
    /got HOROVOD_START_TIMEOUT=soon, expected a number/,
  ],
  ['a transport that is none', { HOROVOD_TRANSPORT: 'pigeon' }, /transport: got pigeon, expected auto, tcp, shm, mpi/],
])('%s: one line says what to do', async (_, variables, message) => {
  for (const told of await failing(2, () => variables)) expect(told.message).toMatch(message)
})

test('strangers at the rendezvous are refused, with one line, and the job goes on', async () => {
  const port = await freePort()
  const strangers: Socket[] = []
  let refused!: () => void
  const oneRefused = new Promise<void>((resolve) => {
    refused = resolve
  })
  const knock = setInterval(() => {
    const stranger = createConnection({ host: '127.0.0.1', port })
    stranger.on('error', () => {})
    stranger.on('connect', () => {
      strangers.push(stranger)
      stranger.on('close', refused).resume()
      stranger.write('GET / HTTP/1.1\r\n\r\n')
    })
  }, 10)
  // Rank 1 comes to the rendezvous only when a stranger has been there.
  const late = createServer(async (socket) => {
    await oneRefused
    const onward = createConnection({ host: '127.0.0.1', port })
    for (const [from, to] of [
      [socket, onward],
      [onward, socket],
    ] as const)
      from.on('error', () => to.destroy()).pipe(to)
  }).listen(0, '127.0.0.1')
  await once(late, 'listening')
  const lates = (late.address() as { port: number }).port
  try {
    const environment = (rank: number) => ({ MASTER_PORT: String(rank === 0 ? port : lates) })
    const ranks = await runScenario('place', { size: 2, environment })
    expect(ranks.map(({ code, lines }) => [code, lines[0]])).toEqual(
      [0, 1].map((rank) => [0, [rank, 2, rank, 2, 0, 1, 2]]),
    )
    expect(complaints(ranks[0]!.stderr)).toMatch(
      /^horovod-lite, rank 0, at the rendezvous: refused a connection from 127\.0\.0\.1:\d+: got a frame of .*$/,
    )
  } finally {
    clearInterval(knock)
    late.close()
    for (const stranger of strangers) stranger.destroy()
  }
})
