import { describe, expect, test } from 'vitest'
import { type Environment, worldOf } from '../src'
import { worldOn } from '../src/world'
import { hvdrun, linesOf, whyNoNamespaces } from './support/hvdrun'
import { network } from './support/namespaces'

const alone = { rank: 0, size: 1, localRank: 0, localSize: 1, crossRank: 0, crossSize: 1 }
const world = (
  rank: number,
  size: number,
  localRank: number,
  localSize: number,
  crossRank: number,
  crossSize: number,
) => ({
  rank,
  size,
  localRank,
  localSize,
  crossRank,
  crossSize,
})

const horovod = {
  HOROVOD_RANK: '5',
  HOROVOD_SIZE: '8',
  HOROVOD_LOCAL_RANK: '1',
  HOROVOD_LOCAL_SIZE: '4',
  HOROVOD_CROSS_RANK: '1',
  HOROVOD_CROSS_SIZE: '2',
}
const openMpi = {
  OMPI_COMM_WORLD_RANK: '6',
  OMPI_COMM_WORLD_SIZE: '8',
  OMPI_COMM_WORLD_LOCAL_RANK: '2',
  OMPI_COMM_WORLD_LOCAL_SIZE: '4',
}
const pmi = { PMI_RANK: '3', PMI_SIZE: '4', MPI_LOCALRANKID: '1', MPI_LOCALNRANKS: '2' }
const slurm = {
  SLURM_PROCID: '5',
  SLURM_NTASKS: '7',
  SLURM_LOCALID: '1',
  SLURM_NODEID: '2',
  SLURM_NNODES: '4',
  SLURM_STEP_TASKS_PER_NODE: '2(x3),1',
}
const torchrun = {
  RANK: '3',
  WORLD_SIZE: '4',
  LOCAL_RANK: '1',
  LOCAL_WORLD_SIZE: '2',
  GROUP_RANK: '1',
  GROUP_WORLD_SIZE: '2',
  MASTER_ADDR: 'host1',
  MASTER_PORT: '29500',
}

test.each([
  ['nothing', {}, { ...alone, source: null }],
  ['empty values', { HOROVOD_RANK: '', RANK: '' }, { ...alone, source: null }],
  ['Horovod', horovod, { ...world(5, 8, 1, 4, 1, 2), source: 'HOROVOD_SIZE' }],
  ['Horovod alone', { HOROVOD_RANK: '0', HOROVOD_SIZE: '1' }, { ...alone, source: 'HOROVOD_SIZE' }],
  ['Open MPI', openMpi, { ...world(6, 8, 2, 4, 1, 2), source: 'OMPI_COMM_WORLD_SIZE' }],
  ['PMI', pmi, { ...world(3, 4, 1, 2, 1, 2), source: 'PMI_SIZE' }],
  ['PMI, one host', { PMI_RANK: '3', PMI_SIZE: '4' }, { ...world(3, 4, 3, 4, 0, 1), source: 'PMI_SIZE' }],
  ['Slurm', slurm, { ...world(5, 7, 1, 2, 2, 4), source: 'SLURM_NTASKS' }],
  [
    'Slurm, last node',
    { ...slurm, SLURM_PROCID: '6', SLURM_LOCALID: '0', SLURM_NODEID: '3' },
    { ...world(6, 7, 0, 1, 3, 4), source: 'SLURM_NTASKS' },
  ],
  ['torchrun', torchrun, { ...world(3, 4, 1, 2, 1, 2), source: 'WORLD_SIZE' }],
  [
    'torchrun of old, one host',
    { RANK: '1', WORLD_SIZE: '2', LOCAL_RANK: '1', MASTER_ADDR: 'localhost', MASTER_PORT: '29500' },
    { ...world(1, 2, 1, 2, 0, 1), source: 'WORLD_SIZE' },
  ],
])('%s', (_, environment: Environment, expected) => {
  expect(worldOf(environment)).toEqual(expected)
})

test('the first launcher in the order decides', () => {
  const order = [horovod, openMpi, pmi, slurm, torchrun]
  for (const [i, first] of order.entries()) {
    const later = Object.assign({}, ...order.slice(i))
    expect(worldOf(later)).toEqual(worldOf(first))
  }
})

test.each([
  [{ HOROVOD_RANK: '0' }, 'got HOROVOD_RANK=0 without HOROVOD_SIZE, expected both or neither'],
  [{ ...openMpi, HOROVOD_SIZE: '1' }, 'got HOROVOD_SIZE=1 without HOROVOD_RANK'],
  [{ HOROVOD_RANK: '0', HOROVOD_SIZE: '2', HOROVOD_LOCAL_RANK: '0' }, 'without HOROVOD_LOCAL_SIZE'],
  [{ HOROVOD_RANK: '0', HOROVOD_SIZE: '2', HOROVOD_CROSS_SIZE: '2' }, 'without HOROVOD_CROSS_RANK'],
  [{ OMPI_COMM_WORLD_SIZE: '2' }, 'without OMPI_COMM_WORLD_RANK'],
  [{ PMI_RANK: '1' }, 'without PMI_SIZE'],
  [{ SLURM_NTASKS: '2' }, 'without SLURM_PROCID'],
  [{ WORLD_SIZE: '2' }, 'without RANK'],
  [{ RANK: '0', WORLD_SIZE: '1', MASTER_ADDR: 'host1' }, 'without MASTER_PORT'],
  [{ RANK: '3', WORLD_SIZE: '4', LOCAL_RANK: '1' }, 'without LOCAL_WORLD_SIZE'],
  [{ RANK: '2', WORLD_SIZE: '2' }, 'got RANK=2 and WORLD_SIZE=2, expected a rank below the size'],
  [{ RANK: '-1', WORLD_SIZE: '2' }, 'got RANK=-1, expected a whole number'],
  [{ RANK: '0', WORLD_SIZE: 'two' }, 'got WORLD_SIZE=two, expected a whole number'],
])('%j is an error', (environment: Environment, message) => {
  expect(() => worldOf(environment)).toThrow(message)
})

describe('when all have met, and hosts are known', () => {
  const place = (variables: (rank: number) => Environment, hostIds: string[]) =>
    hostIds.map((_, rank) => {
      const { localRank, localSize, crossRank, crossSize } = worldOn(hostIds, worldOf(variables(rank)), variables(rank))
      return [localRank, localSize, crossRank, crossSize]
    })

  test('Open MPI, three slots and one', () => {
    const local = [0, 1, 2, 0]
    const mpi = (rank: number) => ({
      OMPI_COMM_WORLD_RANK: `${rank}`,
      OMPI_COMM_WORLD_SIZE: '4',
      OMPI_COMM_WORLD_LOCAL_RANK: `${local[rank]}`,
      OMPI_COMM_WORLD_LOCAL_SIZE: rank < 3 ? '3' : '1',
    })
    expect(place(mpi, ['a', 'a', 'a', 'b'])).toEqual([
      [0, 3, 0, 2],
      [1, 3, 0, 1],
      [2, 3, 0, 1],
      [0, 1, 1, 2],
    ])
  })

  test('PMI that says nothing of hosts, ranks dealt out in turn', () => {
    const pmi = (rank: number) => ({ PMI_RANK: `${rank}`, PMI_SIZE: '5' })
    expect(place(pmi, ['b', 'a', 'b', 'a', 'b'])).toEqual([
      [0, 3, 0, 2],
      [0, 2, 1, 2],
      [1, 3, 0, 2],
      [1, 2, 1, 2],
      [2, 3, 0, 1],
    ])
  })

  test('a launcher that says more, or has another notion of a host, is right', () => {
    expect(worldOn(Array(8).fill('a'), worldOf(horovod), horovod)).toEqual(worldOf(horovod))
    expect(worldOn(['a', 'b', 'c', 'd'], worldOf(pmi), pmi)).toEqual(worldOf(pmi))
  })

  const problem = whyNoNamespaces()
  test.skipIf(problem)(`three ranks on a host and one on another${problem ? ` (${problem})` : ''}`, async () => {
    const net = network(2)
    try {
      const variables = 'PMI_RANK=$HOROVOD_RANK PMI_SIZE=4; unset HOROVOD_RANK HOROVOD_SIZE'
      const command = ['sh', '-c', `export ${variables}; exec "$@"`, 'sh', 'NODE', 'PROGRAM', 'sum']
      const [a, b] = net.hosts
      const args = ['-np', '4', '-H', `${a}:3,${b}:1`, '--ssh-command', net.ssh, ...command]
      const { stdout } = await (await hvdrun(args, { through: net.on(0) })).ended
      const places = [0, 1, 2, 3].map((rank) => JSON.parse(linesOf(stdout, rank)[0]!).place)
      expect(places).toEqual([
        [0, 4, 0, 3, 0, 2],
        [1, 4, 1, 3, 0, 1],
        [2, 4, 2, 3, 0, 1],
        [3, 4, 0, 1, 1, 2],
      ])
    } finally {
      net.remove()
    }
  })
})
