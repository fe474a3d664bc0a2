import type { Environment } from '../world'

/** A number of the environment. @throws where it is none, or negative */
export function numberOf(environment: Environment, name: string, byDefault: number): number {
  const text = environment[name]
  if (text === undefined || text === '') return byDefault
  const value = Number(text)
  if (!(Number.isFinite(value) && value >= 0)) throw new Error(`got ${name}=${text}, expected a number of at least 0`)
  return value
}

/** Timers take no more: 24 days. */
const LONGEST = Math.floor((2 ** 31 - 1) / 1000)

/** A time of the environment, in seconds. */
export const secondsOf = (environment: Environment, name: string, byDefault: number): number =>
  Math.min(numberOf(environment, name, byDefault), LONGEST)

/** Bytes of a bucket of gradients, and of small operations that share a run. */
export const fusionThreshold = (environment: Environment): number =>
  numberOf(environment, 'HOROVOD_FUSION_THRESHOLD', 64 * 2 ** 20)
