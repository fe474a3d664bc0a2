import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createProgram } from '../src/program'
import { blockedSize, denseSize, type Shape4, toBlocked, toDense } from './support/blocked'
import { expectEach } from './support/compare'
import { type Layer, layerData, split } from './support/layer'
import { filled, onEveryInstructionSet } from './support/native'
import { addonHere, runInstruction } from './support/program'
import { randomFloats } from './support/random'

const ACTIVATIONS = ['linear', 'relu', 'relu6', 'leakyrelu'] as const
type Activation = (typeof ACTIVATIONS)[number]
const codeOf = (activation: Activation) => addonHere().activations.indexOf(activation)

/** Errors against float64: root mean square and largest, both over the reference's root mean square. */
const BOUNDS = { exact: { rms: 1e-6, max: 1e-5 }, winograd: { rms: 3e-6, max: 3e-5 } }

interface Case extends Layer {
  activation?: Activation
  bias?: boolean
  pooled?: boolean
  /** Which of the parts have a mask in the gradient. */
  masks?: readonly boolean[]
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

const activate: Record<Activation, (x: number) => number> = {
  linear: (x) => x,
  relu: (x) => Math.max(0, x),
  relu6: (x) => Math.min(6, Math.max(0, x)),
  leakyrelu: (x) => (x < 0 ? Math.fround(0.3) * x : x),
}

const shapeOf = ({ batch, height, width }: Layer, channels: number): Shape4 => [batch, height, width, channels]

/** The maxima of windows of 2x2. */
function pool(y: Float32Array, [n, height, width, channels]: Shape4): Float32Array {
  const [rows, columns] = [height >> 1, width >> 1]
  return Float32Array.from({ length: n * rows * columns * channels }, (_, i) => {
    const [pixel, channel] = [Math.floor(i / channels), i % channels]
    const [line, column] = [Math.floor(pixel / columns), pixel % columns]
    const [image, row] = [Math.floor(line / rows), line % rows]
    const at = (di: number, dj: number) =>
      y[((image * height + 2 * row + di) * width + 2 * column + dj) * channels + channel]!
    return Math.max(at(0, 0), at(0, 1), at(1, 0), at(1, 1))
  })
}

function expectForward(layer: Case, exact: boolean) {
  const { activation = 'linear', parts, channels, pooled } = layer
  const { parts: blocked, filter, bias, y, yShape: shape } = layerData(layer, false)
  const half: Shape4 = [layer.batch, layer.height >> 1, layer.width >> 1, channels]
  const ySize = blockedSize(shape)
  const compute = filled(ySize + (pooled ? blockedSize(half) : 0), (out) =>
    runInstruction(
      'blocked_convolution',
      [...shape.slice(0, 3), codeOf(activation), Number(exact), channels, ...parts],
      [0.3],
      [filter, layer.bias ? bias : null, ...blocked],
      [out.subarray(0, ySize), pooled ? out.subarray(ySize) : null],
    ),
  )
  const before = y.map((value, i) => value + (layer.bias ? bias[i % channels]! : 0))
  const scale = Math.sqrt(sum(Array.from(before, (value) => value * value)) / before.length)
  for (const [isa, out] of onEveryInstructionSet(compute)) {
    const got = toDense(out.subarray(0, ySize), shape)
    expectWithin(got, before.map(activate[activation]), exact, scale, isa)
    if (pooled) expectEach(toDense(out.subarray(ySize), half), pool(got, shape), `${isa} pooled`)
  }
}

function expectWithin(got: ArrayLike<number>, want: ArrayLike<number>, exact: boolean, scale: number, what: string) {
  const bounds = BOUNDS[exact ? 'exact' : 'winograd']
  let [square, max] = [0, 0]
  for (let i = 0; i < want.length; i++) {
    const error = Math.abs(got[i]! - want[i]!) / scale
    square += error * error
    if (!(error <= max)) max = error
  }
  expect(Math.sqrt(square / want.length), `${what} rms`).toBeLessThan(bounds.rms)
  expect(max, `${what} max`).toBeLessThan(bounds.max)
}

function expectGradient(layer: Case, exact: boolean, inPlace = false) {
  const { parts, channels } = layer
  const { dy, filter, dx } = layerData(layer, false)
  const shapes = parts.map((part) => shapeOf(layer, part))
  const masks = shapes.map((shape, i) => (layer.masks?.[i] ? randomFloats(denseSize(shape), 5 + i) : null))
  const sizes = shapes.map(blockedSize)
  const places = sizes.map((size, i) => [sum(sizes.slice(0, i)), sum(sizes.slice(0, i)) + size] as const)
  const compute = filled(sum(sizes), (out) => {
    const outputs = places.map(([from, to]) => out.subarray(from, to))
    const blockedMasks = masks.map((mask, i) => mask && toBlocked(mask, shapes[i]!))
    if (inPlace)
      for (const [i, mask] of blockedMasks.entries()) {
        if (!mask) continue
        outputs[i]!.set(mask)
        blockedMasks[i] = outputs[i]!
      }
    runInstruction(
      'blocked_convolution_input_gradient',
      [layer.batch, layer.height, layer.width, Number(exact), channels, ...parts],
      [],
      [dy, filter, ...blockedMasks],
      outputs,
    )
  })
  const wanted = split(dx, parts)
  const scale = Math.sqrt(sum(Array.from(dx, (value) => value * value)) / dx.length)
  for (const [isa, out] of onEveryInstructionSet(compute))
    for (const [i, want] of wanted.entries()) {
      const mask = masks[i]
      const got = toDense(out.subarray(...places[i]!), shapes[i]!)
      expectWithin(
        got,
        mask ? want.map((value, j) => (mask[j]! > 0 ? value : 0)) : want,
        exact,
        scale,
        `${isa} dx ${i}`,
      )
    }
}

const shape4: fc.Arbitrary<Shape4> = fc
  .tuple(
    fc.integer({ min: 1, max: 3 }),
    fc.integer({ min: 1, max: 19 }),
    fc.integer({ min: 1, max: 19 }),
    fc.integer({ min: 1, max: 4 }),
  )
  .map(([n, height, width, blocks]) => [n, height, width, 16 * blocks])

describe('conversions between dense and blocked tensors', () => {
  it('follow the definition of the layout and write its zeros', () => {
    fc.assert(
      fc.property(shape4, (shape) => {
        const dense = randomFloats(denseSize(shape), 1)
        const want = toBlocked(dense, shape)
        const there = filled(want.length, (y) => runInstruction('to_blocked', shape, [], [dense], [y]))
        for (const [isa, got] of onEveryInstructionSet(there)) expectEach(got, want, `${isa} blocked`)
        const back = filled(dense.length, (y) => runInstruction('to_dense', shape, [], [want], [y]))
        for (const [isa, got] of onEveryInstructionSet(back)) expectEach(got, dense, `${isa} dense`)
      }),
      { numRuns: 40 },
    )
  })
})

// TinyUNet's and `original`'s kinds of layer at their channels, on small images; then sides that are no multiples of 4.
const layers: Record<string, Case> = {
  'the encoder, pooled': {
    batch: 2,
    height: 16,
    width: 16,
    parts: [32],
    channels: 32,
    activation: 'relu',
    bias: true,
    pooled: true,
  },
  'one that doubles channels': {
    batch: 2,
    height: 16,
    width: 16,
    parts: [32],
    channels: 64,
    activation: 'relu',
    bias: true,
  },
  'the bottom': { batch: 2, height: 8, width: 8, parts: [128], channels: 256, activation: 'relu', bias: true },
  'the bottom, of miniatures': {
    batch: 16,
    height: 4,
    width: 4,
    parts: [128],
    channels: 128,
    activation: 'relu',
    bias: true,
  },
  'a decoder, of two parts': {
    batch: 1,
    height: 8,
    width: 8,
    parts: [128, 128],
    channels: 128,
    activation: 'relu',
    bias: true,
    masks: [true, false],
  },
  'the last decoder': {
    batch: 1,
    height: 32,
    width: 32,
    parts: [16, 32],
    channels: 32,
    activation: 'relu',
    bias: true,
    masks: [true, false],
  },
  'one that halves channels': {
    batch: 2,
    height: 32,
    width: 32,
    parts: [32],
    channels: 16,
    activation: 'relu',
    bias: true,
    masks: [true],
  },
  'one pixel': { batch: 3, height: 1, width: 1, parts: [16], channels: 48, masks: [true] },
  'odd sides, pooled': {
    batch: 2,
    height: 13,
    width: 7,
    parts: [16, 32],
    channels: 80,
    activation: 'leakyrelu',
    pooled: true,
    masks: [false, true],
  },
  'one row': { batch: 5, height: 1, width: 37, parts: [32], channels: 16, bias: true, activation: 'relu6' },
  'one column of many blocks': {
    batch: 2,
    height: 18,
    width: 3,
    parts: [16, 16, 48],
    channels: 112,
    masks: [true, true, false],
  },
}

for (const exact of [false, true])
  describe(exact ? 'exact 3x3 convolution' : 'Winograd 3x3 convolution', () => {
    for (const [name, layer] of Object.entries(layers))
      it(`computes ${name}, and its gradient by the input`, () => {
        expectForward(layer, exact)
        expectGradient(layer, exact)
      })

    it('computes any size, with the same bits for any number of threads', () => {
      const blocks = fc.integer({ min: 1, max: 5 }).map((count) => 16 * count)
      const any = fc.record({
        batch: fc.integer({ min: 1, max: 5 }),
        height: fc.integer({ min: 1, max: 15 }),
        width: fc.integer({ min: 1, max: 15 }),
        parts: fc.array(blocks, { minLength: 1, maxLength: 3 }),
        channels: blocks,
        activation: fc.constantFrom(...ACTIVATIONS),
        bias: fc.boolean(),
        masks: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
      })
      fc.assert(
        fc.property(any, (layer) => {
          expectForward({ ...layer, pooled: layer.height > 1 && layer.width > 1 }, exact)
          expectGradient(layer, exact)
        }),
        { numRuns: 12 },
      )
    })

    it('computes what is so large that it goes past the caches', () => {
      const [xShape, yShape]: Shape4[] = [
        [1, 130, 132, 16],
        [1, 130, 132, 64],
      ]
      const [x, filter] = [randomFloats(denseSize(xShape!), 1), randomFloats(9 * 16 * 64, 2)]
      const addon = addonHere()
      const [xBytes, yBytes] = [4 * blockedSize(xShape!), 4 * blockedSize(yShape!)]
      const program = createProgram(
        addon,
        [
          { operation: 'to_blocked', params: xShape!, operands: [0, 1] },
          {
            operation: 'blocked_convolution',
            params: [...xShape!.slice(0, 3), codeOf('linear'), Number(exact), 64, 16],
            numbers: [0],
            operands: [2, null, 1, 3, null],
          },
          { operation: 'to_dense', params: yShape!, operands: [3, 4] },
        ],
        [
          { kind: 'input', place: 0, bytes: x.byteLength },
          { kind: 'arena', place: 0, bytes: xBytes },
          { kind: 'input', place: 1, bytes: filter.byteLength },
          { kind: 'arena', place: xBytes, bytes: yBytes }, // of a cache line, which such stores need
          { kind: 'output', place: 0, bytes: 4 * denseSize(yShape!) },
        ],
      )
      const [, height, width] = xShape!
      const at = (row: number, column: number, k: number) =>
        row < 0 || row >= height || column < 0 || column >= width ? 0 : x[(row * width + column) * 16 + k]!
      const engine = addon.createEngine()
      const compute = filled(denseSize(yShape!), (y) => addon.run(engine, program, [x, filter], [y], null))
      for (const [isa, y] of onEveryInstructionSet(compute))
        for (let i = 0; i < y.length; i += 1009) {
          const [pixel, channel] = [Math.floor(i / 64), i % 64]
          let want = 0
          for (let tap = 0; tap < 9; tap++)
            for (let k = 0; k < 16; k++) {
              const [row, column] = [
                Math.floor(pixel / width) + Math.floor(tap / 3) - 1,
                (pixel % width) + (tap % 3) - 1,
              ]
              want += at(row, column, k) * filter[(tap * 16 + k) * 64 + channel]!
            }
          if (!(Math.abs(y[i]! - want) < 1e-4)) throw new Error(`${isa} y[${i}]: got ${y[i]}, expected ${want}`)
        }
    })

    it('writes a gradient over its mask', () => {
      expectGradient(
        { batch: 2, height: 13, width: 10, parts: [32, 16], channels: 32, masks: [true, true] },
        exact,
        true,
      )
    })

    it(
      exact ? 'lets a NaN through, and never makes it a maximum' : 'lets a NaN through, to all of its 4x4 tile',
      () => {
        const [shape, half]: Shape4[] = [
          [1, 8, 4, 16],
          [1, 4, 2, 16],
        ]
        const x = new Float32Array(denseSize(shape!)).fill(1)
        x[16 * (exact ? 15 : 0)] = Number.NaN
        const identity = new Float32Array(9 * 16 * 16)
        for (let k = 0; k < 16; k++) identity[(4 * 16 + k) * 16 + k] = 1
        const [y, pooled] = [new Float32Array(blockedSize(shape!)), new Float32Array(blockedSize(half!))]
        const params = [...shape!.slice(0, 3), codeOf('relu'), Number(exact), 16, 16]
        runInstruction('blocked_convolution', params, [0], [identity, null, toBlocked(x, shape!)], [y, pooled])
        const [values, maxima] = [toDense(y, shape!), toDense(pooled, half!)]
        const nans = Array.from({ length: 32 }, (_, pixel) => pixel).filter((pixel) => Number.isNaN(values[16 * pixel]))
        expect(nans).toEqual(exact ? [10, 11, 14, 15, 18, 19] : [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])
        expect(maxima[16 * (exact ? 5 : 4)]).toBeCloseTo(1, 5)
      },
    )
  })

describe('a check refuses', () => {
  const [shape, filter] = [[1, 8, 8, 16] as Shape4, new Float32Array(9 * 16 * 16)]
  const tensor = () => new Float32Array(blockedSize(shape))
  const forward = (params: number[], inputs: (Float32Array | null)[], outputs: (Float32Array | null)[]) => () =>
    runInstruction('blocked_convolution', params, [0], inputs, outputs)
  const backward = (params: number[], inputs: (Float32Array | null)[], outputs: (Float32Array | null)[]) => () =>
    runInstruction('blocked_convolution_input_gradient', params, [], inputs, outputs)

  it('sizes that do not fit', () => {
    const good = [1, 8, 8, 0, 0, 16, 16]
    expect(forward(good, [filter, null, tensor()], [tensor(), null])).not.toThrow()
    expect(forward(good, [filter.subarray(1), null, tensor()], [tensor(), null])).toThrow('filter')
    expect(forward(good, [filter, new Float32Array(15), tensor()], [tensor(), null])).toThrow('bias')
    expect(forward(good, [filter, null, tensor().subarray(1)], [tensor(), null])).toThrow('part')
    expect(forward(good, [filter, null, tensor()], [tensor().subarray(1), null])).toThrow('y has')
    expect(forward(good, [filter, null, tensor()], [tensor(), tensor()])).toThrow('pooled')
    expect(forward(good.slice(0, 6), [filter, null], [tensor(), null])).toThrow('expected')
    const back = [1, 8, 8, 0, 16, 16]
    expect(backward(back, [tensor(), filter, null], [tensor()])).not.toThrow()
    expect(backward(back, [tensor().subarray(1), filter, null], [tensor()])).toThrow('dy')
    expect(backward(back, [tensor(), filter, tensor().subarray(1)], [tensor()])).toThrow('mask')
    expect(backward(back, [tensor(), filter, null], [tensor().subarray(1)])).toThrow('dx')
  })

  it('what is no shape', () => {
    for (const params of [
      [0, 8, 8, 0, 0, 16, 16],
      [1, -8, 8, 0, 0, 16, 16],
      [1, 8, 8, 0, 0, 16, 15],
      [1, 8, 8, 0, 0, 16, 2 ** 31 - 1],
      [2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1, 0, 0, 16, 16],
    ])
      expect(forward(params, [filter, null, tensor()], [tensor(), null]), `${params}`).toThrow()
    for (const activation of ['elu', 'sigmoid'])
      expect(
        forward(
          [1, 8, 8, addonHere().activations.indexOf(activation), 0, 16, 16],
          [filter, null, tensor()],
          [tensor(), null],
        ),
      ).toThrow('activation')
  })
})
