import type { Case } from './case'
import { allreduce } from './cases/allreduce'
import { errors } from './cases/errors'
import { exactness } from './cases/exactness'
import { gradients } from './cases/gradients'
import { joining } from './cases/join'
import { movement } from './cases/movement'
import { training } from './cases/training'
import { world } from './cases/world'
import { randomOperations } from './random'
import { expectSame } from './tools'

const random: Record<string, Case['run']> = {
  '1000 random operations of random sizes, kinds and dtypes': async (world) => {
    for await (const { mismatches } of randomOperations(world, { count: 1000, seed: 5, largest: 20_000 }))
      expectSame(mismatches, [])
  },
}

/** In the order in which every rank runs them. */
export const cases: [name: string, Case][] = Object.entries({
  ...allreduce,
  ...exactness,
  ...movement,
  ...errors,
  ...gradients,
  ...joining,
  ...training,
  ...random,
  ...world,
}).map(([name, each]) => [name, typeof each === 'function' ? { run: each } : each])
