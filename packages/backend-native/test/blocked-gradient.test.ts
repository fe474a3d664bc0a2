import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { blockedSize, type Shape4 } from './support/blocked'
import { errorsOf } from './support/convolution'
import { type Layer, layerData } from './support/layer'
import { filled, onEveryInstructionSet } from './support/native'
import { runInstruction } from './support/program'

/** Errors against double precision: root mean square and largest, both over the reference's root mean square. */
const BOUNDS = {
  winograd: { rms: 6e-6, max: 4e-5 },
  exact: { rms: 2e-6, max: 2e-5 },
  upsampled: { rms: 2e-6, max: 2e-5 },
  bias: { rms: 2e-6, max: 1e-5 },
}

type Form = 'winograd' | 'exact' | 'upsampled'

const paramsOf = ({ batch, height, width, parts, channels }: Layer, form: Form) => [
  ...[batch, height, width, Number(form === 'upsampled'), Number(form === 'exact')],
  ...[channels, ...parts],
]

function expectWithin(got: Float32Array, want: Float64Array, bounds: { rms: number; max: number }, what: string) {
  const { rms, max } = errorsOf(got, want)
  expect(rms, `${what}: root mean square`).toBeLessThan(bounds.rms)
  expect(max, `${what}: largest`).toBeLessThan(bounds.max)
}

function expectGradient(layer: Layer, form: Form) {
  const { parts, dy, dfilter, dbias } = layerData(layer, form === 'upsampled')
  const compute = filled(dfilter.length + dbias.length, (out) => {
    const outputs = [out.subarray(0, dfilter.length), out.subarray(dfilter.length)]
    runInstruction('blocked_filter_gradient', paramsOf(layer, form), [], [dy, ...parts], outputs)
  })
  for (const [isa, out] of onEveryInstructionSet(compute)) {
    expectWithin(out.subarray(0, dfilter.length), dfilter, BOUNDS[form], `${isa} dfilter`)
    expectWithin(out.subarray(dfilter.length), dbias, BOUNDS.bias, `${isa} dbias`)
  }
}

const layer = (batch: number, height: number, width: number, parts: number[], channels: number): Layer => ({
  ...{ batch, height, width, parts, channels },
})

// TinyUNet's and `original`'s kinds of layer at their channels, on small images; then sides that are no multiples of 4.
const layers: Record<string, Layer> = {
  'the first block': layer(1, 40, 44, [32], 32),
  'the first block, of miniatures': layer(16, 8, 8, [32], 32),
  'one that doubles channels': layer(2, 12, 12, [32], 64),
  'the bottom': layer(1, 4, 8, [128], 256),
  'the bottom, of miniatures': layer(16, 4, 4, [64], 64),
  'the bottom of `original`': layer(1, 2, 2, [512], 512),
  'a decoder, of two parts': layer(1, 8, 8, [64, 64], 64),
  'the last decoder': layer(1, 36, 36, [16, 32], 32),
  'one that halves channels': layer(2, 24, 24, [32], 16),
  'one of several bands': layer(2, 64, 68, [16], 16),
  'one pixel': layer(3, 1, 1, [16], 48),
  'odd sides': layer(2, 13, 7, [16, 32], 80),
  'one row': layer(5, 1, 37, [32], 16),
  'one column of many blocks': layer(2, 18, 3, [16, 16, 48], 112),
}

const blocks = fc.integer({ min: 1, max: 5 }).map((count) => 16 * count)
const side = fc.integer({ min: 1, max: 15 })
const parts = fc.array(blocks, { minLength: 1, maxLength: 3 })
const anyLayer = fc.record({
  batch: fc.integer({ min: 1, max: 5 }),
  height: side,
  width: side,
  parts,
  channels: blocks,
})

for (const form of ['winograd', 'exact', 'upsampled'] as const)
  describe(`the gradient by the filter, ${form}`, () => {
    for (const [name, layer] of Object.entries(layers)) it(`of ${name}`, () => expectGradient(layer, form))

    it('of any size, with the same bits for any number of threads', () => {
      fc.assert(
        fc.property(anyLayer, (layer) => expectGradient(layer, form)),
        { numRuns: 20 },
      )
    })
  })

describe('the check of a gradient by the filter', () => {
  const tensor = (...shape: Shape4) => new Float32Array(blockedSize(shape))
  const [dy, x, dfilter, dbias] = [
    tensor(2, 5, 6, 32),
    tensor(2, 5, 6, 16),
    new Float32Array(9 * 16 * 32),
    new Float32Array(32),
  ]
  const good = [2, 5, 6, 0, 0, 32, 16]
  const run = (params: number[], inputs: (Float32Array | null)[], outputs: (Float32Array | null)[]) => () =>
    runInstruction('blocked_filter_gradient', params, [], inputs, outputs)

  it('lets the bias be left out', () => {
    expect(run(good, [dy, x], [dfilter, dbias])).not.toThrow()
    expect(run(good, [dy, x], [dfilter, null])).not.toThrow()
  })

  it('refuses sizes that do not fit', () => {
    expect(run(good, [dy.subarray(1), x], [dfilter, dbias])).toThrow('dy has another size')
    expect(run(good, [dy, x.subarray(1)], [dfilter, dbias])).toThrow('a part has another size')
    expect(run(good, [dy, x], [dfilter.subarray(1), dbias])).toThrow('dfilter has another size')
    expect(run(good, [dy, x], [dfilter, dbias.subarray(1)])).toThrow('dbias has another size')
    expect(run(good, [dy, null], [dfilter, dbias])).toThrow('a part has another size')
    expect(run([2, 5, 6, 1, 0, 32, 16], [dy, x], [dfilter, dbias])).toThrow('dy has another size')
  })

  it('refuses what is no shape', () => {
    for (const params of [
      [0, 5, 6, 0, 0, 32, 16],
      [2, -5, 6, 0, 0, 32, 16],
      [2, 5, 2 ** 31 - 1, 1, 0, 32, 16],
      [2, 5, 6, 0, 0, 31, 16],
      [2, 5, 6, 0, 0, 2 ** 31 - 16, 16],
      [2 ** 31 - 1, 2 ** 30 - 1, 2 ** 30 - 1, 0, 0, 2 ** 31 - 16, 2 ** 31 - 16],
      [2, 5, 6, 0, 0, 32],
    ])
      expect(run(params, [dy, x], [dfilter, dbias]), `${params}`).toThrow()
  })
})
