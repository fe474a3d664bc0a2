import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { whyNotShared } from '../../src/transports/choose'
import { loadNative } from '../../src/transports/native'
import type { Peer } from '../../src/transports/transport'
import { type RanksOptions, runRanks } from '../support/ranks'

const peer = (rank: number, more: Partial<Peer> = {}): Peer => ({
  rank,
  host: `host${rank}`,
  hostId: 'a',
  pid: 1,
  addresses: [],
  native: true,
  ...more,
})

test('memory is shared by ranks of one host that all have the addon', () => {
  expect(whyNotShared([peer(0), peer(1), peer(2)], 0)).toBeUndefined()
  expect(whyNotShared([peer(0), peer(1), peer(2, { native: false })], 0)).toBe(
    'rank 2 (host2) could not load the addon',
  )
  expect(whyNotShared([peer(0), peer(1, { hostId: 'b' })], 0)).toBe(
    'rank 0 (host0) and rank 1 (host1) are on different hosts, or in different namespaces',
  )
})

/** Runs two ranks, and what they said of their transport or of what is wrong with it. */
async function chosen(transport: string, environment: RanksOptions['environment']): Promise<string[]> {
  const ranks = await runRanks({ size: 2, program: 'transport_random', args: ['3', '1'], transport, environment })
  return ranks.map(({ lines: [line], stderr }) =>
    line ? (line as { transport: string }).transport : (/Error: (.*)/.exec(stderr)?.[1] ?? stderr),
  )
}

const addon = loadNative()
const noAddon = 'reason' in addon ? addon.reason : undefined

describe.skipIf(noAddon)(`auto${noAddon ? ` (${noAddon})` : ''}`, () => {
  test('is shm on one host', async () => expect(await chosen('auto', {})).toEqual(['shm', 'shm']))

  test('is tcp where one rank has no addon, on all ranks', async () => {
    expect(await chosen('auto', (rank) => ({ HOROVOD_NATIVE: rank === 1 ? '0' : undefined }))).toEqual(['tcp', 'tcp'])
  })

  const noRoot = process.getuid?.() === 0 ? '' : ' (needs root, to become another)'
  describe.skipIf(noRoot)(`where a rank of another user may not open the memory${noRoot}`, () => {
    const environment = (rank: number) => ({ TEST_UID: rank === 1 ? '65534' : undefined })
    test('is tcp', async () => expect(await chosen('auto', environment)).toEqual(['tcp', 'tcp']))
    test('while shm says on every rank whose fault it is', async () => {
      for (const line of await chosen('shm', environment))
        expect(line).toMatch(
          /^transport shm: rank 0's shared memory cannot be opened from here \(rank 1, .*\); use tcp, or auto$/,
        )
    })
  })
})

describe('an addon that is', () => {
  const broken = join(mkdtempSync(join(tmpdir(), 'hvd-addon-')), 'broken.node')
  writeFileSync(broken, 'no library')

  test.each([
    ['left out', '0', /HOROVOD_NATIVE=0 leaves the addon out/],
    ['missing', '/nowhere/addon.node', /HOROVOD_NATIVE=\/nowhere\/addon.node is not there/],
    ['broken', broken, /the addon for \S+ does not load: .*broken.node/],
  ])('%s is no crash: tcp is used, and shm says why not', async (_, HOROVOD_NATIVE, reason) => {
    expect(await chosen('auto', { HOROVOD_NATIVE })).toEqual(['tcp', 'tcp'])
    const [own, other] = await chosen('shm', { HOROVOD_NATIVE })
    expect(own).toMatch(/^transport shm: rank 0 \(.*\) could not load the addon: .*; use tcp, or auto$/)
    expect(own).toMatch(reason)
    expect(other).toMatch(/^transport shm: rank 0 \(.*\) could not load the addon; use tcp, or auto$/)
  })
})

test.skipIf(noAddon)('a size of shared memory that is none is refused', async () => {
  for (const line of await chosen('shm', { HOROVOD_SHM_BUFFER: '1000' }))
    expect(line).toBe('got HOROVOD_SHM_BUFFER=1000, expected bytes for each rank, from 65536 to 1073741824')
})
