import { afterEach, beforeEach, expect, test } from 'vitest'
import { Doors } from '../../src/background/doors'
import { connect } from '../../src/wire/connect'
import type { Connection } from '../../src/wire/connection'
import { pause } from '../support/calls'

const secret = 'secret of a test'
let doors: Doors
let come: (role: string, rank: number, generation: number) => Promise<{ connection: Connection; closed: () => boolean }>
beforeEach(async () => {
  doors = new Doors()
  const addresses = await doors.listen(['127.0.0.1'], secret, 0)
  come = async (role, rank, generation) => {
    const connection = await connect({ addresses, secret, timeoutSeconds: 5, role, rank, generation })
    let closed = false
    connection.onClose = () => {
      closed = true
    }
    return { connection, closed: () => closed }
  }
})
afterEach(() => doors.close())

test('connections wait until the world is known and somebody takes those of their role', async () => {
  const taken: string[] = []
  await come('data', 1, 4)
  await come('control', 2, 4)
  doors.open('data', (rank) => taken.push(`data ${rank}`))
  expect(taken).toEqual([])
  doors.enter(4)
  expect(taken).toEqual(['data 1'])
  doors.open('control', (rank) => taken.push(`control ${rank}`))
  await come('data', 3, 4)
  await pause(20)
  expect(taken).toEqual(['data 1', 'control 2', 'data 3'])
})

test('who comes from another world is sent away, early or late', async () => {
  const taken: number[] = []
  const early = await come('data', 1, 3)
  doors.open('data', (rank) => taken.push(rank))
  doors.enter(4)
  const late = await come('data', 2, 5)
  await come('data', 3, 4)
  await pause(50)
  expect([early.closed(), late.closed()]).toEqual([true, true])
  expect(taken).toEqual([3])
})
