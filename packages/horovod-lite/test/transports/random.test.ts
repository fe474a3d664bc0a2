import { describe, expect, test } from 'vitest'
import { loadNative } from '../../src/transports/native'
import { type RanksOptions, runRanks } from '../support/ranks'
import { complaints } from '../support/scenarios'

// The transports alone: random operations of every kind, size and type.

type Environment = NonNullable<RanksOptions['environment']>

const run = async (
  transport: string,
  size: number,
  operations: number,
  environment: Environment = {},
  expected = transport,
) => {
  const args = [String(operations), String(size)]
  const ranks = await runRanks({ size, program: 'transport_random', transport, args, environment })
  for (const { rank, code, stderr, lines } of ranks)
    expect({ rank, code, stderr: complaints(stderr), lines }).toEqual({
      rank,
      code: 0,
      stderr: '',
      lines: [{ transport: expected, operations }],
    })
}

const addon = loadNative()
if ('reason' in addon) describe.skip(`shm (${addon.reason})`, () => test('random operations', () => {}))
else
  describe('shm', () => {
    test.each([2, 3, 4, 5])('random operations of %i ranks', (size) => run('shm', size, 60))
    test.each([2, 3, 4, 5])('random operations of %i ranks in very little memory', (size) =>
      run('shm', size, 40, { HOROVOD_SHM_BUFFER: '65536' }),
    )
  })

test.each([2, 3, 4])('tcp: random operations of %i ranks', (size) => run('tcp', size, 40))

test.each([2, 3, 4])('tcp: random operations of %i ranks, none of which has the addon', (size) =>
  run('tcp', size, 40, { HOROVOD_NATIVE: '0' }),
)

test.each([2, 3, 4])('tcp: random operations of %i ranks, some of which have the addon', (size) =>
  run('tcp', size, 40, (rank) => ({ HOROVOD_NATIVE: rank % 2 ? '0' : undefined })),
)

test('local: random operations of a world of one', () => run('auto', 1, 40, {}, 'local'))
