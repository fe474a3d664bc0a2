// Chains of elementwise operations as test data: the instruction `elementwise` (native/program/operations_elementwise.c).
import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { addonHere } from './program'
import { anyFloats, sizeOf } from './values'

const addon = addonHere()

export type Dtype = 'float32' | 'bool' | 'int32'
export const ELEMENTS: Record<Dtype, number> = { float32: 0, bool: 1, int32: 2 }
export type Values = Float32Array | Int32Array | Uint8Array
export const zeros = (dtype: Dtype, count: number): Values =>
  dtype === 'float32' ? new Float32Array(count) : dtype === 'int32' ? new Int32Array(count) : new Uint8Array(count)

/** An operation on values of these dtypes. `run` is tfjs's. */
export interface Op {
  name: string
  takes: readonly Dtype[]
  gives: Dtype
  kind: number
  code: number
  alpha?: number
  run(...x: tf.Tensor[]): tf.Tensor
}

const codeOf = (names: readonly string[], name: string) => {
  const code = names.indexOf(name)
  if (code < 0) throw new Error(`no operation ${name}`)
  return code
}
type Run = Op['run']
const ops = (
  kind: number,
  names: readonly string[],
  takes: readonly Dtype[],
  gives: Dtype,
  runs: Record<string, Run>,
) => Object.entries(runs).map(([name, run]): Op => ({ name, takes, gives, kind, code: codeOf(names, name), run }))

const ALPHA = 0.3
const f = 'float32'
const b = 'bool'
const i = 'int32'
const twoFloats = [f, f] as const
const comparisons: Record<string, Run> = {
  equal: tf.equal as Run,
  notEqual: tf.notEqual as Run,
  greater: tf.greater as Run,
  greaterEqual: tf.greaterEqual as Run,
  less: tf.less as Run,
  lessEqual: tf.lessEqual as Run,
}
const where: Run = (...x) => {
  const shape = x.reduce<number[]>((all, one) => tf.broadcast_util.assertAndGetBroadcastShape(all, one.shape), [])
  const [condition, yes, no] = x.map((one) => tf.broadcastTo(one, shape)) as [tf.Tensor, tf.Tensor, tf.Tensor]
  return tf.where(condition, yes, no)
}

/** Those that the CPU backend rounds as the kernels do, so that results are equal to the bit. */
export const exactOps: readonly Op[] = [
  ...ops(0, addon.unaryOps, [f], f, {
    abs: tf.abs as Run,
    neg: tf.neg as Run,
    relu: tf.relu as Run,
    relu6: tf.relu6 as Run,
    sqrt: tf.sqrt as Run,
    square: tf.square as Run,
    reciprocal: tf.reciprocal as Run,
  }),
  ...ops(1, addon.binaryOps, twoFloats, f, {
    add: tf.add as Run,
    sub: tf.sub as Run,
    mul: tf.mul as Run,
    realDiv: tf.div as Run,
    maximum: tf.maximum as Run,
    minimum: tf.minimum as Run,
  }),
  ...ops(2, addon.compareOps, twoFloats, b, comparisons),
  ...ops(2, addon.compareOps, [i, i], b, comparisons),
  ...ops(5, addon.integerOps, [i, i], i, {
    add: tf.add as Run,
    sub: tf.sub as Run,
    floorDiv: tf.floorDiv as Run,
    maximum: tf.maximum as Run,
    minimum: tf.minimum as Run,
  }),
  ...ops(6, addon.logicalOps, [b, b], b, { and: tf.logicalAnd as Run, or: tf.logicalOr as Run }),
  ...ops(6, addon.logicalOps, [b], b, { not: tf.logicalNot as Run }),
  ...([f, b, i] as const).map(
    (dtype): Op => ({ name: 'select', takes: [b, dtype, dtype], gives: dtype, kind: 3, code: 0, run: where }),
  ),
  ...([f, b, i] as const).flatMap((from) =>
    ([f, b, i] as const)
      .filter((to) => to !== from)
      .map(
        (to): Op => ({
          name: `cast to ${to}`,
          takes: [from],
          gives: to,
          kind: 4,
          code: ELEMENTS[to],
          run: (x) => tf.cast(x!, to),
        }),
      ),
  ),
]

/** Exact as long as products stay below 2^53, where the CPU backend begins to round. */
export const integerProduct = ops(5, addon.integerOps, [i, i], i, { mul: tf.mul as Run })[0]!

/** Every operation of floats; `run` is left out. */
export const floatOps: readonly Op[] = [
  ...addon.unaryOps.map((name, code): Op => ({ name, takes: [f], gives: f, kind: 0, code, alpha: ALPHA, run: never })),
  ...addon.binaryOps.map((name, code): Op => ({ name, takes: [f, f], gives: f, kind: 1, code, run: never })),
  ...addon.compareOps.map((name, code): Op => ({ name, takes: [f, f], gives: b, kind: 2, code, run: never })),
  { name: 'select', takes: [b, f, f], gives: f, kind: 3, code: 0, run: never },
  { name: 'cast', takes: [b], gives: f, kind: 4, code: ELEMENTS[f], run: never },
]
function never(): tf.Tensor {
  throw new Error('tfjs has no part in this test')
}

export interface Input {
  dtype: Dtype
  shape: readonly number[]
  values: Values
}

export interface Step {
  op: Op
  /** Values: inputs, then numbers, then steps. */
  args: readonly number[]
}

export interface Chain {
  shape: readonly number[]
  inputs: readonly Input[]
  numbers: readonly number[]
  steps: readonly Step[]
  /** Values that are written, and those that are reduced. */
  outputs: readonly number[]
  reductions: readonly { value: number; op: string }[]
}

export const dtypesOf = ({ inputs, numbers, steps }: Chain): Dtype[] => [
  ...inputs.map(({ dtype }) => dtype),
  ...numbers.map((): Dtype => f),
  ...steps.map(({ op }) => op.gives),
]

/** An input's strides over the chain's shape. */
export function stridesOver(from: readonly number[], to: readonly number[]): number[] {
  const padded = [...to.map(() => 1).slice(from.length), ...from]
  return padded.map((side, d) => (side === 1 ? 0 : sizeOf(padded.slice(d + 1))))
}

/** Params and numbers of the instruction. `blocked`: batch, height, width, channels. */
export function encode({ shape, inputs, numbers, steps, outputs, reductions }: Chain, blocked?: readonly number[]) {
  const strides = (input: Input) => stridesOver(input.shape, shape)
  const alpha = steps.some(({ op }) => op.alpha !== undefined) ? numbers.length : -1
  const shift = (value: number) => (alpha < 0 || value < inputs.length + numbers.length ? value : value + 1) // a number more
  return {
    params: [
      ...[shape.length, ...shape],
      ...[inputs.length, ...inputs.flatMap((input) => [ELEMENTS[input.dtype], ...strides(input)])],
      steps.length,
      ...steps.flatMap(({ op, args }) => {
        const [a = 0, second = op.alpha === undefined ? -1 : alpha, c = 0] = args.map(shift)
        return [op.kind, op.code, a, second, c]
      }),
      ...[outputs.length, ...outputs.map(shift)],
      ...[reductions.length, ...reductions.flatMap(({ value, op }) => [shift(value), addon.reduceOps.indexOf(op)])],
      ...(blocked ? [1, ...blocked] : [0]),
    ],
    numbers: alpha < 0 ? numbers : [...numbers, ALPHA],
  }
}

const shapes: fc.Arbitrary<number[]> = fc.oneof(
  { weight: 6, arbitrary: fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 4 }) },
  { weight: 3, arbitrary: fc.tuple(...[5, 9, 70].map((max) => fc.integer({ min: 1, max }))) },
  { weight: 1, arbitrary: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 8000, max: 9000 })) },
)

/** Random, with everything that the dtype has. */
export const valuesOf = (dtype: Dtype, count: number, seed: number): Values => {
  const floats = anyFloats(count, seed)
  if (dtype === f) return floats
  return dtype === b ? Uint8Array.from(floats, (x) => Number(x > 0)) : Int32Array.from(floats, (x) => 100 * x)
}

const dtypes = fc.constantFrom<Dtype>(f, f, f, b, i)

/** Random chains of `ops`. A step whose operation finds no value of its dtypes is left out. */
export const chains = (ops: readonly Op[]): fc.Arbitrary<Chain> =>
  shapes.chain((shape) =>
    fc
      .record({
        inputs: fc.array(
          fc.record({
            dtype: dtypes,
            ones: fc.oneof(
              fc.constant(shape.map(() => false)),
              fc.constant(shape.map(() => true)),
              fc.array(fc.boolean(), { minLength: shape.length, maxLength: shape.length }),
            ),
            seed: fc.nat(999),
          }),
          { minLength: 1, maxLength: 4 },
        ),
        numbers: fc.array(fc.float({ min: -4, max: 4, noNaN: true }), { maxLength: 3 }),
        steps: fc.array(
          fc.record({ op: fc.constantFrom(...ops), picks: fc.tuple(fc.nat(99), fc.nat(99), fc.nat(99)) }),
          {
            maxLength: 30,
          },
        ),
        outputs: fc.array(fc.nat(99), { maxLength: 4 }),
        reductions: fc.array(fc.record({ pick: fc.nat(99), op: fc.constantFrom('sum', 'mean', 'max', 'min') }), {
          maxLength: 3,
        }),
      })
      .map(({ inputs: some, numbers, steps: wanted, outputs, reductions }) => {
        const inputs = some.map(({ dtype, ones, seed }): Input => {
          const own = shape.map((side, d) => (ones[d] ? 1 : side))
          return { dtype, shape: own, values: valuesOf(dtype, sizeOf(own), seed) }
        })
        const chain: Chain = { shape, inputs, numbers, steps: [], outputs: [], reductions: [] }
        const known = dtypesOf(chain)
        /** The latest values are the likeliest, so that chains get long. */
        const pick = (dtype: Dtype, number: number) => {
          const fitting = known.flatMap((one, value) => (one === dtype ? [value] : [])).reverse()
          return fitting[Math.min(number % 7, number) % Math.max(1, fitting.length)]
        }
        const steps: Step[] = []
        for (const { op, picks } of wanted) {
          const args = op.takes.map((dtype, k) => pick(dtype, picks[k]!))
          if (args.includes(undefined)) continue
          steps.push({ op, args: args as number[] })
          known.push(op.gives)
        }
        const floats = known.flatMap((dtype, value) => (dtype === f ? [value] : []))
        return {
          ...chain,
          steps,
          outputs: [known.length - 1, ...outputs.map((number) => number % known.length)],
          reductions: floats.length
            ? reductions.map(({ pick, op }) => ({ value: floats[pick % floats.length]!, op }))
            : [],
        }
      }),
  )
