import type { Schedule } from './schedule'

/** Every numeric choice in which the frameworks' RMSProp differ. The defaults are TensorFlow 1's, centered. */
export interface RMSPropCenteredOptions {
  learningRate: number | Schedule
  /** ρ, how much of the running means is kept in a step; in [0, 1). Default 0.9. */
  decay?: number
  /** In [0, 1]. Default 0. */
  momentum?: number
  /** ε ≥ 0. Default 1e-10. */
  epsilon?: number
  /** Divide by the root of the gradient's variance, not of its mean square. Default true. */
  centered?: boolean
  /** What the mean of g² starts from, ≥ 0. Default 1. */
  initialMeanSquare?: number
  /** sqrt(variance + ε), else sqrt(variance) + ε. Default true. */
  epsilonInsideRoot?: boolean
  /**
   * How the mean of g² moves: `difference` m + (g² − m)(1 − ρ), or `weighted` ρm + (1 − ρ)g². Equal on paper; in
   * float32 the weighted form can make ms − mg² negative, whose root is NaN. Default `difference`.
   */
  meanSquareUpdate?: MeanUpdate
  /** The same for the mean of g. Default `difference`. */
  meanGradientUpdate?: MeanUpdate
  /** Where 1 − ρ is subtracted: of float32 numbers, or of float64 ones and then rounded. Default `float32`. */
  oneMinusDecay?: 'float32' | 'float64'
  /**
   * The learning rate enters the momentum, mom ← momentum·mom + lr·g/root; v ← v − mom; else it multiplies it,
   * v ← v − lr·mom, so that a changed rate acts on old gradients too. Default true.
   */
  learningRateInMomentum?: boolean
}

export type MeanUpdate = 'difference' | 'weighted'

/** TensorFlow 1's choices, and centered. */
export const defaults = {
  decay: 0.9,
  momentum: 0,
  epsilon: 1e-10,
  centered: true,
  initialMeanSquare: 1,
  epsilonInsideRoot: true,
  meanSquareUpdate: 'difference',
  meanGradientUpdate: 'difference',
  oneMinusDecay: 'float32',
  learningRateInMomentum: true,
} satisfies Partial<RMSPropCenteredOptions>

/** Options with the defaults filled in, the learning rate apart: it may change. */
export type Hyperparameters = Required<Omit<RMSPropCenteredOptions, 'learningRate'>>

/** @throws naming the first option that is unknown or out of its range */
export function hyperparameters(options: Omit<RMSPropCenteredOptions, 'learningRate'>): Hyperparameters {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const unknown = Object.keys(given).find((name) => !(name in defaults))
  if (unknown)
    throw new Error(`got option ${unknown}, expected one of learningRate, ${Object.keys(defaults).join(', ')}`)
  const all: Hyperparameters = { ...defaults, ...given }

  const check = (name: keyof Hyperparameters, right: boolean, expected: string) => {
    if (!right) throw new Error(`${name}: got ${all[name]}, expected ${expected}`)
  }
  check('decay', all.decay >= 0 && all.decay < 1, 'a number in [0, 1)')
  check('momentum', all.momentum >= 0 && all.momentum <= 1, 'a number in [0, 1]')
  for (const name of ['epsilon', 'initialMeanSquare'] as const)
    check(name, all[name] >= 0 && Number.isFinite(all[name]), 'a number of at least 0')
  for (const name of ['meanSquareUpdate', 'meanGradientUpdate'] as const)
    check(name, ['difference', 'weighted'].includes(all[name]), "'difference' or 'weighted'")
  check('oneMinusDecay', ['float32', 'float64'].includes(all.oneMinusDecay), "'float32' or 'float64'")
  for (const name of ['centered', 'epsilonInsideRoot', 'learningRateInMomentum'] as const)
    check(name, typeof all[name] === 'boolean', 'true or false')
  return all
}

/** @throws where it is neither a finite number ≥ 0 nor a schedule */
export function checkedLearningRate(rate: number | Schedule): number | Schedule {
  const right = typeof rate === 'number' ? rate >= 0 && Number.isFinite(rate) : typeof rate?.apply === 'function'
  if (!right) throw new Error(`learningRate: got ${rate}, expected a number of at least 0 or a schedule`)
  return rate
}
