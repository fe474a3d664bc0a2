import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { blockedSize, type Shape4, toBlocked, toDense } from './support/blocked'
import {
  type Chain,
  chains,
  dtypesOf,
  ELEMENTS,
  encode,
  exactOps,
  floatOps,
  integerProduct,
  type Values,
  valuesOf,
  zeros,
} from './support/chain'
import { expectEach } from './support/compare'
import { filled, instructionSets, onEveryInstructionSet, withKernels } from './support/native'
import { addonHere, runInstruction } from './support/program'
import { randomFloats } from './support/random'
import { sizeOf } from './support/values'

const addon = addonHere()

interface Results {
  outputs: Values[]
  reductions: Float32Array[]
}

/** What the instruction gives, on the instruction set and threads in use. */
function run(chain: Chain): Results {
  const count = sizeOf(chain.shape)
  const dtypes = dtypesOf(chain)
  const outputs = chain.outputs.map((value) => zeros(dtypes[value]!, count))
  const reductions = chain.reductions.map(() => new Float32Array(1))
  const { params, numbers } = encode(chain)
  runInstruction(
    'elementwise',
    params,
    numbers,
    chain.inputs.map(({ values }) => values),
    [...outputs, ...reductions],
  )
  return { outputs, reductions }
}

/** The same on every instruction set; any number of threads gives the same bits. */
function onAll(chain: Chain): Map<string, Results> {
  return new Map(
    instructionSets.map((isa) => {
      const [one, ...others] = [1, 2, 3].map((threads) => withKernels(isa, threads, () => run(chain)))
      for (const other of others) expect(other, `${isa} on several threads`).toEqual(one)
      return [isa, one!]
    }),
  )
}

const show = ({ inputs, numbers, steps }: Chain) =>
  [
    ...inputs.map(({ dtype, shape }) => `${dtype}[${shape}]`),
    ...numbers,
    ...steps.map(({ op, args }) => `${op.name}(${args})`),
  ].join(', ')

describe('a chain of elementwise operations', () => {
  beforeAll(async () => {
    await tf.setBackend('cpu')
  })

  function expectLikeCpu(chain: Chain) {
    const want = tf.tidy(() => {
      const values = [
        ...chain.inputs.map(({ values, shape, dtype }) => tf.tensor(values, [...shape], dtype)),
        ...chain.numbers.map((number) => tf.scalar(number)),
      ]
      for (const { op, args } of chain.steps) values.push(op.run(...args.map((value) => values[value]!)))
      return chain.outputs.map((value) => tf.broadcastTo(values[value]!, [...chain.shape]).dataSync())
    })
    for (const [isa, { outputs }] of onAll(chain))
      for (const [k, got] of outputs.entries())
        expectEach(got, want[k]!, `${isa}, value ${chain.outputs[k]} of ${show(chain)}`)
  }

  it.each([...exactOps, integerProduct].map((op) => [`${op.name}(${op.takes})`, op] as const))(
    'of one, %s, equals the CPU backend',
    (_, op) => {
      const shape = [500]
      const inputs = op.takes.map((dtype, i) => ({ dtype, shape, values: valuesOf(dtype, 500, i) }))
      const steps = [{ op, args: inputs.map((_, i) => i) }]
      expectLikeCpu({ shape, inputs, numbers: [], steps, outputs: [inputs.length], reductions: [] })
    },
  )

  it('equals the CPU backend where that rounds alike', () => {
    fc.assert(fc.property(chains(exactOps), expectLikeCpu), { numRuns: 80 })
  })

  it('has the bits of its operations one by one', () => {
    fc.assert(
      fc.property(chains(floatOps), (chain) => {
        for (const [isa, got] of onAll(chain)) {
          const want = withKernels(isa, 1, () => oneByOne(chain))
          for (const [k, values] of got.outputs.entries())
            expectEach(values, want.outputs[k]!, `${isa}, value ${chain.outputs[k]} of ${show(chain)}`)
          for (const [k, values] of got.reductions.entries())
            expectEach(values, want.reductions[k]!, `${isa}, reduction ${k} of ${show(chain)}`)
        }
      }),
      { numRuns: 40 },
    )
  })

  it('may write over an input, whatever reads it later', () => {
    fc.assert(
      fc.property(chains(exactOps), fc.nat(9), (chain, pick) => {
        const count = sizeOf(chain.shape)
        const dtypes = dtypesOf(chain)
        const [output] = chain.outputs as [number]
        const dense = chain.inputs.findIndex(
          ({ dtype, values }, k) =>
            dtype === dtypes[output] && values.length === count && k >= pick % chain.inputs.length,
        )
        if (dense < 0 || chain.outputs.includes(dense)) return
        const want = run(chain)
        const inputs = chain.inputs.map(({ values }) => values.slice())
        const { params, numbers } = encode(chain)
        const outputs = [inputs[dense]!, ...want.outputs.slice(1).map((values) => values.slice().fill(0))]
        const reductions = want.reductions.map(() => new Float32Array(1))
        runInstruction('elementwise', params, numbers, inputs, [...outputs, ...reductions])
        expect({ outputs, reductions }).toEqual(want)
      }),
      { numRuns: 300 },
    )
  })

  it('reads inputs at any strides', () => {
    const x = randomFloats(24, 1)
    const y = new Float32Array(24)
    // [4, 6], read as [6, 4]
    runInstruction('elementwise', [2, 6, 4, 1, ELEMENTS.float32, 1, 6, 0, 1, 0, 0, 0], [], [x], [y])
    expect([...y]).toEqual(Array.from(y, (_, i) => x[(i % 4) * 6 + Math.floor(i / 4)]))
  })
})

/** Every step by an operation of its own, over whole tensors. */
function oneByOne(chain: Chain): Results {
  const count = sizeOf(chain.shape)
  const [flat, ALPHA] = [[count, 1, 1], 0.3]
  const whole: Chain = { ...chain, steps: [], reductions: [], outputs: [] }
  const values: Values[] = run({
    ...whole,
    outputs: [...chain.inputs, ...chain.numbers].map((_, value) => value),
  }).outputs
  for (const { op, args } of chain.steps) {
    const inputs = args.map((value) => values[value]!)
    const y = zeros(op.gives, count)
    const calls: [string, number[], number[]][] = [
      ['unary', [op.code], [op.alpha ?? ALPHA]],
      ['binary', [op.code, ...flat], []],
      ['compare', [op.code, ...flat], []],
      ['select', [], []],
      ['cast_uint8', [], []],
    ]
    runInstruction(...calls[op.kind]!, inputs, [y])
    values.push(y)
  }
  return {
    outputs: chain.outputs.map((value) => values[value]!),
    reductions: chain.reductions.map(({ value, op }) => {
      const y = new Float32Array(1)
      runInstruction('reduce', [addon.reduceOps.indexOf(op), 1, count, 1], [], [values[value]!], [y])
      return y
    }),
  }
}

describe('a chain of blocked tensors', () => {
  it('writes their zeros again', () => {
    const shape: Shape4 = [2, 5, 7, 32]
    const [x, bias] = [randomFloats(sizeOf(shape), 1), randomFloats(32, 2)]
    const place = [2, 2, 10 * 10, 16] // n, c/16, pixels with their border, 16
    const params = [
      ...[4, ...place, 2, ELEMENTS.float32, 3200, 1600, 16, 1, ELEMENTS.float32, 0, 16, 0, 1],
      ...[2, 1, addon.binaryOps.indexOf('add'), 0, 1, 0, 0, addon.unaryOps.indexOf('exp'), 2, -1, 0],
      ...[1, 3, 0, 1, ...shape],
    ]
    const compute = filled(blockedSize(shape), (y) =>
      runInstruction('elementwise', params, [], [toBlocked(x, shape), bias], [y]),
    )
    for (const [isa, got] of onEveryInstructionSet(compute)) {
      const want = x.map((value, k) => Math.exp(Math.fround(value + bias[k % 32]!)))
      expectEach(toDense(got, shape), want, isa, (g, w) => Math.abs(g - w) <= 3e-7 * w)
    }
  })
})

describe('refused is a chain', () => {
  const x = new Float32Array(4)
  const float = ELEMENTS.float32
  const cases: [string, number[], RegExp][] = [
    ['without a shape', [0], /not a shape/],
    ['of an input that is too short', [1, 4, 1, float, 2, 0, 1, 0, 0, 0], /smaller than its strides reach/],
    ['of no such operation', [1, 4, 1, float, 1, 1, 0, 99, 0, -1, 0, 1, 1, 0, 0], /no such operation/],
    ['whose step takes what comes later', [1, 4, 1, float, 1, 1, 0, 0, 1, -1, 0, 1, 1, 0, 0], /not there yet/],
    ['whose step takes another type', [1, 4, 1, float, 1, 1, 6, 2, 0, 0, 0, 1, 1, 0, 0], /another type/],
    ['whose output has another size', [1, 3, 1, float, 1, 0, 1, 0, 0, 0], /another size than the shape/],
    ['that ends too early', [1, 4, 1, float, 1, 0, 1, 0, 0], /too early or too late/],
    ['that ends too late', [1, 4, 1, float, 1, 0, 1, 0, 0, 0, 0], /too early or too late/],
  ]
  it.each(cases)('%s', (_, params, message) => {
    expect(() => runInstruction('elementwise', params, [], [x], [new Float32Array(4)])).toThrow(message)
  })
})
