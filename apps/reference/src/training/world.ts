import { constants } from 'node:os'
import * as tf from '@tensorflow/tfjs-core'
import {
  allgatherObject,
  allreduce,
  barrier,
  broadcastObject,
  init,
  Max,
  rank,
  shutdown,
  size,
} from '@unet-industrial/horovod-lite'
import { UsageError } from '../options/errors'
import type { Options } from '../options/schema'
import { beSilent } from '../say'
import { ownCores, threadsFor } from './cores'

// Several processes that train together, as hvdrun or mpirun starts them. Rank 0 alone speaks and writes; in a world of
// one everything here does nothing.

/**
 * Does something in the world that a launcher announced. Where it fails the other ranks notice that this one is gone; else
 * all leave together, since a launcher ends all that are left when one has an exit code.
 */
export async function inWorld<T>(work: () => Promise<T>): Promise<T> {
  await init()
  if (rank() > 0) beSilent()
  const result = await work()
  barrier({ name: 'end' })
  await shutdown()
  return result
}

/** Whether this process writes files and speaks. */
export const isWriter = (): boolean => rank() === 0

/** What rank 0 finds, on every rank: files are looked for by it alone, so they need not be on the other hosts. */
export const fromWriter = <T>(find: () => T): T => broadcastObject(isWriter() ? find() : (undefined as T))

/** Threads of a process: of several its share of the host's cores. All ranks call it. */
export function threadsOf({ threads }: Options): number | undefined {
  if (size() === 1) return threads
  const own = ownCores()
  const share = threadsFor(own, ofAllRanks(own))
  return threads ?? share
}

/** Seed of this rank's data: of several ranks the reference's 2 · (seed + rank). */
export const dataSeed = ({ seed }: Options): number => (size() === 1 ? seed : 2 * (seed + rank()))

/** Images of this rank in a step. @throws where --global-batch-size cannot be shared evenly */
export function batchOf({ globalBatchSize, batchSize }: Options): number {
  if (globalBatchSize === undefined) return batchSize
  if (globalBatchSize % size() !== 0)
    throw new UsageError(
      `--global-batch-size ${globalBatchSize} cannot be shared by ${size()} processes; choose a multiple of ${size()}`,
    )
  return globalBatchSize / size()
}

/** What a rank wishes after a step. */
export interface Wish {
  /** To end: a signal came. */
  signal: NodeJS.Signals | undefined
  /** To read the numbers back, since those on the screen are old. */
  read: boolean
}

/** One wish for all ranks, so that they end and read after the same step: a signal that any of them got, rank 0's reading. */
export function agree({ signal, read }: Wish): Wish {
  if (size() === 1) return { signal, read }
  const number = signal ? constants.signals[signal] : 0
  const [agreedSignal, agreedRead] = tf.tidy(() => {
    const wish = tf.tensor1d([number, Number(read && isWriter())], 'int32')
    return allreduce(wish, { op: Max, name: 'wish' }).dataSync()
  })
  return { signal: agreedSignal ? nameOfSignal(agreedSignal) : undefined, read: Boolean(agreedRead) }
}

const nameOfSignal = (number: number) =>
  Object.entries(constants.signals).find(([, value]) => value === number)![0] as NodeJS.Signals

/** Every rank's value, in the order of ranks. */
export const ofAllRanks = <T>(value: T): T[] => allgatherObject(value)
