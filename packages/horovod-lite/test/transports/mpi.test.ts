import { describe, expect, test } from 'vitest'
import { findMpi } from '../../src/transports/mpi/find'
import { loadNative } from '../../src/transports/native'
import { compile } from '../support/compile'
import { runMpi, whyNoMpirun } from '../support/mpirun'
import { runRanks } from '../support/ranks'
import { complaints } from '../support/scenarios'

const addon = loadNative()
const noAddon = 'reason' in addon ? addon.reason : undefined
const noMpi = noAddon ?? whyNoMpirun()

const run = async (program: string, size: number, args: string[] = []) => {
  const environment = { HOROVOD_TRANSPORT: 'mpi' }
  const { code, stderr, stdouts } = await runMpi({ size, program, args, environment })
  expect({ code, stderr: complaints(stderr) }).toEqual({ code: 0, stderr: '' })
  return stdouts.map((text) => JSON.parse(text))
}

describe.skipIf(noMpi)(`under mpirun${noMpi ? ` (${noMpi})` : ''}`, () => {
  test.each([2, 4])('random operations of %i ranks', async (size) => {
    expect(await run('transport_random', size, ['40', '7'])).toEqual(
      Array(size).fill({ transport: 'mpi', operations: 40 }),
    )
  })

  test('a world may follow another, though MPI starts once; its errors are errors of the call', async () => {
    const error = expect.stringMatching(/MPI_ERR_ROOT: invalid root/)
    expect(await run('mpi_twice', 2)).toEqual(Array(2).fill({ sums: [3, 3], error }))
  })

  test.each([
    [
      'MPI_THREAD_SINGLE',
      0,
      /^Error: MPI has been started here with less than MPI_THREAD_SERIALIZED, which is expected$/,
    ],
    ['MPI_THREAD_SERIALIZED', 2, /^no error$/],
  ])('MPI that somebody else has started with %s', async (_, level, message) => {
    const early = await compile('early_mpi.c', [], ['-shared', '-fPIC'])
    const all = await run('mpi_early', 2, [early.path, String(level)]).finally(early.remove)
    expect(all).toEqual(Array(2).fill({ message: expect.stringMatching(message) }))
  })

  test('without mpirun: every process is alone in its MPI, and says what to do', async () => {
    const ranks = await runRanks({ size: 2, program: 'mpi_twice', transport: 'mpi' })
    for (const { code, stderr } of ranks) {
      expect(code).not.toBe(0)
      expect(stderr).toContain(
        'got a world of 2 processes from the launcher and 1 from MPI, expected the same: start with mpirun',
      )
    }
  })
})

describe.skipIf(noAddon)(`the library${noAddon ? ` (${noAddon})` : ''}`, () => {
  test('a path that leads nowhere is named', () => {
    expect(findMpi('/nowhere/libmpi.so.40')).toMatch(
      /^HOROVOD_MPI_LIBRARY=\/nowhere\/libmpi.so.40 cannot be opened: .*nowhere/,
    )
  })

  test.skipIf(process.platform !== 'linux')('another MPI, or none, is not Open MPI', () => {
    expect(findMpi('libm.so.6')).toMatch(
      /^the MPI library is another than Open MPI, which is expected; install Open MPI/,
    )
  })
})
