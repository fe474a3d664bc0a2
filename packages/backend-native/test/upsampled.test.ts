import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { blockedSize, denseSize, type Shape4, toBlocked, toDense } from './support/blocked'
import { errorsOf } from './support/convolution'
import { type Layer, layerData } from './support/layer'
import { filled, onEveryInstructionSet } from './support/native'
import { addonHere, runInstruction } from './support/program'
import { randomFloats } from './support/random'

/** Errors against double precision: root mean square and largest, both over the reference's root mean square. */
const BOUNDS = { y: { rms: 1e-6, max: 1e-5 }, dx: { rms: 2e-6, max: 2e-5 } }

const activations = {
  linear: (x: number) => x,
  relu: (x: number) => Math.max(0, x),
  relu6: (x: number) => Math.min(6, Math.max(0, x)),
  leakyrelu: (x: number) => (x < 0 ? Math.fround(0.3) * x : x),
}
type Activation = keyof typeof activations
const codeOf = (activation: string) => addonHere().activations.indexOf(activation)

function expectWithin(got: Float32Array, want: Float64Array, what: 'y' | 'dx', isa: string) {
  const { rms, max } = errorsOf(got, want)
  expect(rms, `${isa} ${what}: root mean square`).toBeLessThan(BOUNDS[what].rms)
  expect(max, `${isa} ${what}: largest`).toBeLessThan(BOUNDS[what].max)
}

function expectForward(layer: Layer, activation: Activation, biased: boolean) {
  const { xShape, yShape, parts, filter, bias, y } = layerData(layer, true)
  const want = y.map((value, i) => activations[activation](value + (biased ? bias[i % layer.channels]! : 0)))
  const params = [...xShape, layer.channels, codeOf(activation)]
  const compute = filled(blockedSize(yShape), (out) =>
    runInstruction('upsampled_convolution', params, [0.3], [parts[0]!, filter, biased ? bias : null], [out]),
  )
  for (const [isa, out] of onEveryInstructionSet(compute)) expectWithin(toDense(out, yShape), want, 'y', isa)
}

function expectGradient(layer: Layer, masked: boolean, inPlace = false) {
  const { xShape, dy, filter, dx } = layerData(layer, true)
  const mask = randomFloats(denseSize(xShape), 5).map((value) => Math.max(0, value)) // as a ReLU leaves it
  const want = masked ? dx.map((value, i) => (mask[i]! > 0 ? value : 0)) : dx
  const compute = filled(blockedSize(xShape), (out) => {
    if (inPlace) out.set(toBlocked(mask, xShape))
    const masks = !masked ? null : inPlace ? out : toBlocked(mask, xShape)
    runInstruction('upsampled_input_gradient', [...xShape, layer.channels], [], [dy, filter, masks], [out])
  })
  for (const [isa, out] of onEveryInstructionSet(compute)) expectWithin(toDense(out, xShape), want, 'dx', isa)
}

const layer = (batch: number, height: number, width: number, depth: number, channels: number): Layer => ({
  ...{ batch, height, width, parts: [depth], channels },
})

// TinyUNet's and `original`'s at their channels, on small images; then sides that are no multiples of 4.
const layers: Record<string, Layer> = {
  'the deepest': layer(1, 4, 4, 256, 128),
  'the deepest, of miniatures': layer(16, 4, 4, 32, 32),
  'the deepest of `original`': layer(1, 2, 2, 1024, 512),
  'the last': layer(1, 32, 40, 16, 16),
  'one pixel': layer(3, 1, 1, 16, 48),
  'odd sides': layer(2, 13, 7, 48, 80),
  'one row': layer(5, 1, 37, 32, 16),
  'one column of many blocks': layer(2, 18, 1, 80, 112),
}

describe('doubling and 2x2 convolution', () => {
  for (const [name, layer] of Object.entries(layers))
    it(`computes ${name}, and its gradient by the input`, () => {
      expectForward(layer, 'relu', true)
      expectGradient(layer, true)
    })

  it('computes any size, with the same bits for any number of threads', () => {
    const blocks = fc.integer({ min: 1, max: 5 }).map((count) => 16 * count)
    const side = fc.integer({ min: 1, max: 15 })
    const parts = fc.tuple(blocks)
    const anyLayer = fc.record({
      batch: fc.integer({ min: 1, max: 5 }),
      height: side,
      width: side,
      parts,
      channels: blocks,
    })
    const anyActivation = fc.constantFrom(...(Object.keys(activations) as Activation[]))
    fc.assert(
      fc.property(anyLayer, anyActivation, fc.boolean(), (layer, activation, some) => {
        expectForward(layer, activation, some)
        expectGradient(layer, some)
      }),
      { numRuns: 25 },
    )
  })

  it('writes a gradient over its mask', () => expectGradient(layer(2, 13, 10, 32, 48), true, true))

  it('lets a NaN through', () => {
    const [xShape, yShape]: [Shape4, Shape4] = [
      [1, 3, 3, 16],
      [1, 6, 6, 16],
    ]
    const x = new Float32Array(denseSize(xShape)).fill(1)
    x[0] = Number.NaN
    const y = new Float32Array(blockedSize(yShape))
    const filter = new Float32Array(4 * 16 * 16).fill(1)
    runInstruction(
      'upsampled_convolution',
      [...xShape, 16, codeOf('relu')],
      [0],
      [toBlocked(x, xShape), filter, null],
      [y],
    )
    expect(toDense(y, yShape)[0]).toBeNaN()
    expect(toDense(y, yShape)[16 * 14]).toBe(64)
  })
})

describe('a check refuses', () => {
  const tensor = (...shape: Shape4) => new Float32Array(blockedSize(shape))
  const [x, y, filter] = [tensor(1, 3, 5, 16), tensor(1, 6, 10, 32), new Float32Array(4 * 16 * 32)]
  const shape = [1, 3, 5, 16, 32]
  const forward = (params: number[], inputs: (Float32Array | null)[], out: Float32Array) => () =>
    runInstruction('upsampled_convolution', params, [0], inputs, [out])
  const backward = (params: number[], inputs: (Float32Array | null)[], out: Float32Array) => () =>
    runInstruction('upsampled_input_gradient', params, [], inputs, [out])

  it('sizes that do not fit', () => {
    const good = [...shape, 0]
    expect(forward(good, [x, filter, null], y)).not.toThrow()
    expect(forward(good, [x.subarray(1), filter, null], y)).toThrow('x has another size')
    expect(forward(good, [x, filter.subarray(1), null], y)).toThrow('the filter has another size')
    expect(forward(good, [x, filter, new Float32Array(31)], y)).toThrow('bias has another size')
    expect(forward(good, [x, filter, null], y.subarray(1))).toThrow('y has another size')
    expect(backward(shape, [y, filter, x], tensor(1, 3, 5, 16))).not.toThrow()
    expect(backward(shape, [y, filter, x.subarray(1)], tensor(1, 3, 5, 16))).toThrow('the mask has another size')
    expect(backward(shape, [y, filter, null], x.subarray(1))).toThrow('x has another size')
  })

  it('what is no shape, and activations of another sweep', () => {
    for (const [at, value] of [0, 0, 1, -3, 2, 2 ** 30, 3, 15, 4, 2 ** 31 - 16].flatMap((v, i, all) =>
      i % 2 ? [[all[i - 1]!, v]] : [],
    )) {
      const params = [...shape, 0]
      params[at!] = value!
      expect(forward(params, [x, filter, null], y), `${params}`).toThrow()
    }
    for (const name of ['elu', 'sigmoid'])
      expect(forward([...shape, codeOf(name)], [x, filter, null], y), name).toThrow('no activation for an epilogue')
  })
})
