import { createServer } from 'node:net'
import { describe, expect, test } from 'vitest'
import { whyNoMpirun } from '../support/mpirun'
import { freePort, type RanksOptions, runRanks } from '../support/ranks'

// Other launchers' variables, set by hand: real processes find each other by them.

type Variables = Record<string, string | undefined>

const SIZE = 4
const without = Object.fromEntries(
  ['HOROVOD_RANK', 'HOROVOD_SIZE', 'HOROVOD_LOCAL_RANK', 'HOROVOD_LOCAL_SIZE'].map((name) => [name, undefined]),
)

/** Four processes: two on each of two hosts where the launcher says who is where, else on one host as they are. */
const launchers: Record<string, (rank: number) => Variables> = {
  srun: (rank) => ({
    SLURM_PROCID: String(rank),
    SLURM_NTASKS: '4',
    SLURM_LOCALID: String(rank % 2),
    SLURM_NODEID: String(Math.floor(rank / 2)),
    SLURM_NNODES: '2',
    SLURM_STEP_TASKS_PER_NODE: '2(x2)',
  }),
  torchrun: (rank) => ({
    RANK: String(rank),
    WORLD_SIZE: '4',
    LOCAL_RANK: String(rank % 2),
    LOCAL_WORLD_SIZE: '2',
    GROUP_RANK: String(Math.floor(rank / 2)),
    GROUP_WORLD_SIZE: '2',
  }),
  "MPICH's mpirun": (rank) => ({
    PMI_RANK: String(rank),
    PMI_SIZE: '4',
    MPI_LOCALRANKID: String(rank),
    MPI_LOCALNRANKS: '4',
  }),
  "Open MPI's mpirun, with a rendezvous": (rank) => ({
    OMPI_COMM_WORLD_RANK: String(rank),
    OMPI_COMM_WORLD_SIZE: '4',
    OMPI_COMM_WORLD_LOCAL_RANK: String(rank),
    OMPI_COMM_WORLD_LOCAL_SIZE: '4',
  }),
}

const launch = (variables: (rank: number) => Variables, more: Variables = {}, size = SIZE) => {
  const environment = (rank: number) => ({ ...without, ...variables(rank), ...more })
  const options: RanksOptions = { size, program: 'launched', args: ['sum'], transport: 'auto', environment }
  return runRanks(options)
}

/** Rank, local rank and cross rank, each with its size. */
const placeOf = (rank: number, { SLURM_NODEID, GROUP_RANK }: Variables) =>
  SLURM_NODEID || GROUP_RANK ? [rank, 4, rank % 2, 2, Math.floor(rank / 2), 2] : [rank, 4, rank, 4, 0, 1]

describe.each(Object.entries(launchers))('%s', (_, variables) => {
  test('its processes find each other', async () => {
    const ranks = await launch(variables)
    expect(ranks.map(({ code, stderr, lines }) => ({ code, stderr: code ? stderr : '', lines }))).toEqual(
      [0, 1, 2, 3].map((rank) => ({
        code: 0,
        stderr: '',
        lines: [{ place: placeOf(rank, variables(rank)), sum: 6, transport: expect.stringMatching(/^(shm|tcp)$/) }],
      })),
    )
  })

  test('half a pair is an error that names both', async () => {
    const [rankName, sizeName] = Object.keys(variables(0)) as [string, string]
    const [rank] = await launch(variables, { [sizeName]: undefined }, 1)
    expect(rank!.code).toBe(1)
    expect(errorOf(rank!.stderr)).toBe(
      `got ${rankName}=0 without ${sizeName}, expected both or neither: start through the launcher, or set HOROVOD_RANK=0 HOROVOD_SIZE=1 to run alone`,
    )
  })

  test('a missing secret is an error that says how to make one', async () => {
    const [rank] = await launch(variables, { HOROVOD_SECRET_KEY: undefined }, 1)
    expect(rank!.code).toBe(1)
    expect(errorOf(rank!.stderr)).toMatch(
      /^got no HOROVOD_SECRET_KEY, expected the same secret on every rank: .*openssl rand -hex 32/,
    )
  })
})

test('where torchrun itself listens at MASTER_PORT, rank 0 takes the port after it', async () => {
  const [port, agent] = await portBeforeAFreeOne()
  try {
    const ranks = await launch(launchers.torchrun!, {
      MASTER_PORT: String(port),
      TORCHELASTIC_USE_AGENT_STORE: 'True',
    })
    expect(ranks.map(({ lines }) => (lines[0] as { sum: number } | undefined)?.sum)).toEqual([6, 6, 6, 6])
  } finally {
    agent.close()
  }
})

test('a port that another program has is named', async () => {
  const [port, other] = await portBeforeAFreeOne()
  try {
    const [rank] = await launch(launchers.srun!, { MASTER_PORT: String(port) }, 1)
    expect(rank!.code).toBe(1)
    expect(errorOf(rank!.stderr)).toMatch(`cannot listen on 127.0.0.1:${port}: EADDRINUSE`)
  } finally {
    other.close()
  }
})

test.each([
  ['srun', 'MASTER_ADDR', /^got a world of 4 processes \(SLURM_NTASKS\) and no rendezvous, expected .*MASTER_ADDR/],
  ['srun', 'MASTER_PORT', /^got a world of 4 processes \(SLURM_NTASKS\) and no rendezvous, expected .*MASTER_PORT/],
  ['torchrun', 'MASTER_PORT', /^got MASTER_ADDR=127.0.0.1 without MASTER_PORT, expected both or neither/],
])('%s without %s is an error', async (launcher, name, message) => {
  const [rank] = await launch(launchers[launcher]!, { [name]: undefined }, 1)
  expect(rank!.code).toBe(1)
  expect(errorOf(rank!.stderr)).toMatch(message)
})

// Under another MPI's mpirun each process is alone in Open MPI's world: meet.ts takes that for the job's, and each trains
// alone as rank 0.
const noMpi = whyNoMpirun()
test.skipIf(noMpi)(`a world other than MPI's is an error${noMpi ? ` (${noMpi})` : ''}`, async () => {
  const [rank] = await launch(launchers["MPICH's mpirun"]!, { HOROVOD_TRANSPORT: 'mpi' }, 1)
  expect(rank!.code).toBe(1)
  expect(errorOf(rank!.stderr)).toMatch(
    /^transport mpi: got a world of 4 processes from the launcher and 1 from MPI, expected the same/,
  )
})

/** The message with which a program ended; one line, behind which its stack begins. */
function errorOf(stderr: string): string {
  return /^\w*Error: (.*)\n {4}at /m.exec(stderr)?.[1] ?? `no error of one line in: ${stderr}`
}

/** A port that is listened on, and the one after it is free. */
async function portBeforeAFreeOne() {
  for (;;) {
    const port = await freePort()
    const server = createServer()
    const listening = await new Promise<boolean>((resolve) => {
      const after = createServer()
        .once('error', () => resolve(false))
        .listen(port + 1, '127.0.0.1', () => after.close(() => resolve(true)))
    })
    if (!listening) continue
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    return [port, server] as const
  }
}
