import { tinyUNet } from '@unet-industrial/tinyunet-model'
import { useBackend } from '@unet-internal/testing'
import { beforeAll, expect, test } from 'vitest'
import { ACTIVATIONS } from '../src/activations'

beforeAll(() => useBackend('cpu'))

test("TinyUNet's cost at 512x512 is the reference's", () => {
  const model = tinyUNet()
  const { rows, parameters, macs, activationBytes } = model.summary()
  expect(parameters).toBe(1_850_305)
  expect(macs / 1e9).toBeCloseTo(18.3, 1)
  expect(activationBytes / 4 / 1e6).toBeCloseTo(58, 0)
  expect(rows).toHaveLength(27)
  expect(rows[0]).toEqual({
    name: 'input_block/conv_1',
    outputShape: [512, 512, 32],
    kernel: '3x3',
    parameters: 320,
    macs: 512 * 512 * 9 * 32,
    activationBytes: 4 * 512 * 512 * 32,
  })
  expect(rows[2]).toMatchObject({ name: 'input_block/max_pool', outputShape: [256, 256, 32], parameters: 0, macs: 0 })
  expect(rows.at(-1)).toMatchObject({
    name: 'output_block/conv_3',
    outputShape: [512, 512, 1],
    kernel: '1x1',
    parameters: 33,
  })
  model.dispose()
})

test('the original has 29,137,793 parameters', () => {
  const model = tinyUNet({ variant: 'original' })
  expect(model.summary().parameters).toBe(29_137_793)
  model.dispose()
})

test.each(ACTIVATIONS)('the parameters that it counts are those that there are: %s', (activation) => {
  const model = tinyUNet({ activation })
  expect(model.summary().parameters).toBe(model.variables.reduce((sum, { size }) => sum + size, 0))
  model.dispose()
})

test('macs and activations grow with the area, parameters do not', () => {
  const model = tinyUNet()
  const [small, large] = [model.summary([64, 64]), model.summary([128, 64, 1])]
  expect(large.macs).toBe(2 * small.macs)
  expect(large.activationBytes).toBe(2 * small.activationBytes)
  expect(large.parameters).toBe(small.parameters)
  expect(() => model.summary([100, 64])).toThrow('height 100 is not divisible by 16')
  model.dispose()
})

test('prints as a table whose lines are all of one width', () => {
  const model = tinyUNet()
  const lines = String(model.summary()).split('\n')
  expect(lines).toHaveLength(27 + 4)
  expect(new Set(lines.map((line) => line.length)).size).toBe(1)
  expect(lines.at(-1)).toMatch(/total, one image +1,850,305 +18\d{3}\.\d +\d+\.\d\d MiB/)
  model.dispose()
})
