import { expect, it } from 'vitest'
import { type Shape4, toBlocked } from './support/blocked'
import { onEveryInstructionSet } from './support/native'
import { runInstruction } from './support/program'
import { randomFloats } from './support/random'

// The memory plan of graph-compiler lets a 1x1 convolution's dx take the place of its mask, x.
it.each<[string, Shape4, number]>([
  ['one output', [2, 9, 14, 32], 1],
  ['several outputs', [1, 4, 7, 48], 5],
])("a head's gradient may be written over its mask: %s", (_, shape, outputs) => {
  const [n, height, width, channels] = shape
  const x = toBlocked(randomFloats(n * height * width * channels, 1), shape)
  const dy = randomFloats(n * height * width * outputs, 2)
  const filter = randomFloats(channels * outputs, 3)
  const gradient = (over: boolean) => () => {
    const mask = x.slice()
    const dx = over ? mask : new Float32Array(x.length).fill(Number.NaN)
    runInstruction('head_gradient', [...shape, outputs, 1], [], [mask, dy, filter], [dx, null, null])
    return dx
  }
  const [apart, inPlace] = [onEveryInstructionSet(gradient(false)), onEveryInstructionSet(gradient(true))]
  for (const [isa, dx] of apart) expect(inPlace.get(isa), isa).toEqual(dx)
})
