import type { backend_util } from '@tensorflow/tfjs-core'

// What convolutions and pools have in common: windows that move over images.

export type Size4 = [number, number, number, number]

/** Attributes of tfjs's convolutions and pools. */
export interface Window {
  strides: number | readonly [number, number]
  pad: Parameters<typeof backend_util.computeConv2DInfo>[4]
  dimRoundingMode?: 'floor' | 'round' | 'ceil'
}

/** One number stands for both directions. */
export const pair = (x: number | readonly [number, number] = 1): [number, number] =>
  typeof x === 'number' ? [x, x] : [x[0], x[1]]

export const window = ({ strides, pad, dimRoundingMode }: Window) => ({
  strides: pair(strides),
  pad,
  dimRoundingMode: dimRoundingMode ?? undefined,
})

/** @throws unless each shape has four dimensions */
export function checkImages(op: string, shapes: Readonly<Record<string, readonly number[]>>): void {
  for (const [name, shape] of Object.entries(shapes))
    if (shape.length !== 4) throw new Error(`${op}: got ${name} [${shape}], expected four dimensions`)
}
