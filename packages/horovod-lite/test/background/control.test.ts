import { expect, test } from 'vitest'
import { type Control, type Decision, openControl } from '../../src/background/control'
import { Doors } from '../../src/background/doors'
import { CONTROL_ROLE } from '../../src/background/star'
import type { Peer } from '../../src/transports/transport'
import { connect } from '../../src/wire/connect'
import { pause } from '../support/calls'

const secret = 'secret of a test'
const timeoutSeconds = 5
const world = (rank: number) => ({
  ...{ rank, size: 3, localRank: rank, localSize: 3, crossRank: 0, crossSize: 1 },
  source: null,
})

/** Rank 0's control while ranks 1 and 2 come, and how they come. */
async function star() {
  const doors = new Doors()
  const addresses = await doors.listen(['127.0.0.1'], secret, 0)
  doors.enter(0)
  const peers = [0, 1, 2].map(
    (rank): Peer => ({ rank, host: 'here', hostId: '', pid: 100 + rank, addresses, native: false }),
  )
  const shared = { peers, generation: 0, secret, timeoutSeconds, silenceSeconds: 20, doors, environment: {} }
  return {
    coordinator: openControl({ ...shared, world: world(0) }),
    member: (rank: number) => openControl({ ...shared, world: world(rank) }),
    stranger: (rank: number) => connect({ addresses, secret, timeoutSeconds, role: CONTROL_ROLE, rank, generation: 0 }),
    close: () => doors.close(),
  }
}

/** The first decision that a rank hears when it listens late. */
async function heard(control: Control): Promise<Decision> {
  await pause(100)
  return new Promise((resolve) => {
    control.onDecision = resolve
  })
}

test('a rank that dies before the others have begun is not forgotten', async () => {
  const { coordinator, member, stranger, close } = await star()
  const first = await stranger(1)
  first.close()
  await pause(100)
  const [zero, two] = await Promise.all([coordinator, member(2)])
  const death = { abort: expect.stringMatching(/^rank 1 \(here, pid 101\) has died/) }
  expect(await heard(zero)).toEqual(death)
  expect(await heard(two)).toEqual(death)
  close()
  await Promise.all([zero.close(), two.close()])
}, 10_000)
