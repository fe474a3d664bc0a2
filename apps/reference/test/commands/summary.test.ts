import { expect, test } from 'vitest'
import { run, succeed } from '../command-line'

test('prints the table of layers with its totals', async () => {
  const { stdout } = await succeed('summary', '.')
  expect(stdout).toMatch(/input_block\/conv_1 +512 x 512 x 32 +3x3 +320/)
  expect(stdout).toMatch(/total, one image +1,850,305 +18337\.5/)
})

test('prints one line of JSON', async () => {
  const { stdout } = await succeed('summary --unet-variant original --image-size 256 --batch-size 4 --json', '.')
  expect(stdout).toMatch(/^[^\n]+\n$/)
  const { layers, ...totals } = JSON.parse(stdout)
  expect(totals).toMatchObject({ variant: 'original', inputShape: [256, 256, 1], batchSize: 4, parameters: 29_137_793 })
  expect(layers.reduce((sum: number, { parameters }: { parameters: number }) => sum + parameters, 0)).toBe(29_137_793)
})

test('a size that the net cannot take is one line', async () => {
  const { code, stderr } = await run('summary --image-size 500', '.')
  expect([code, stderr]).toEqual([
    1,
    expect.stringMatching(/^unet-industrial: height 500 is not divisible by 16[^\n]*512\n$/),
  ])
})
