import { beforeAll, describe, expect, it } from 'vitest'
import type { Addon } from '../src/addon'
import { instructionSets, loadNative, withKernels } from './support/native'
import { randomFloats } from './support/random'

let addon: Addon
beforeAll(async () => {
  addon = await loadNative()
})

/** The step between floats at x: a unit in the last place. */
const ulp = (x: number) => 2 ** (Math.max(-126, Math.floor(Math.log2(Math.abs(x)))) - 23)

const sigmoid = (x: number) => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x)))
const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))

/** [operation, in double precision, largest error in ulp]: what native/kernels/functions.h promises. */
const functions: [string, (x: number) => number, number][] = [
  ['exp', Math.exp, 2],
  ['log', Math.log, 1],
  ['expm1', Math.expm1, 2],
  ['elu', (x) => (x < 0 ? Math.expm1(x) : x), 2],
  ['rsqrt', (x) => 1 / Math.sqrt(x), 2],
  ['log1p', Math.log1p, 3],
  ['sigmoid', sigmoid, 3],
  ['tanh', Math.tanh, 3],
  ['softplus', softplus, 3],
  ['sqrt', Math.sqrt, 0.5],
  ['reciprocal', (x) => 1 / x, 0.5],
  ['square', (x) => x * x, 0.5],
]

/** Every order of magnitude, the ranges where the functions bend, and the ends of exp's range. */
function inputs(): Float32Array {
  const anything = new Float32Array(Uint32Array.from(randomFloats(100_000, 1), (x) => (x + 1) * 2 ** 31).buffer)
  const ranges = [100, 10, 1, 0.01].flatMap((range) => [...randomFloats(50_000, 2).map((x) => range * x)])
  const edges = [NaN, Infinity, -Infinity, 0, -0, 1e-45, -1e-45, 88.722, 88.723, -87.34, -103.9, -104.1, 1.1e-38, -1]
  return Float32Array.from([...anything, ...ranges, ...edges])
}

describe.each(instructionSets)('functions on %s', (isa) => {
  it.each(functions)('%s is right at special values and within its error everywhere else', (name, exact, limit) => {
    const x = inputs()
    const y = new Float32Array(x.length)
    withKernels(isa, 1, () => addon.unary(addon.unaryOps.indexOf(name), x, 0, y))
    let worst = { error: 0, text: '' }
    x.forEach((input, i) => {
      const [got, want] = [y[i]!, exact(input)]
      const rounded = Math.fround(want)
      if (Object.is(got, rounded) || (got === rounded && rounded !== 0)) return
      const error = Number.isFinite(rounded) ? Math.abs(got - want) / ulp(want) : Infinity
      if (!(error <= worst.error)) worst = { error, text: `${name}(${input}) = ${got}, expected ${rounded}` }
    })
    expect(worst.error, worst.text).toBeLessThanOrEqual(limit)
  })
})
