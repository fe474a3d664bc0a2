import { activations } from './activations'
import type { TinyUNetConfig } from './config'
import { forward } from './structure'

/** One convolution or pooling of the net, for one image. */
export interface SummaryRow {
  name: string
  /** [height, width, channels], after the activation. */
  outputShape: [number, number, number]
  /** `3x3`, or `2x2 pool`. */
  kernel: string
  parameters: number
  /** Multiply-accumulates of the convolution. */
  macs: number
  /** Size of the output as float32. */
  activationBytes: number
}

/** What the net costs, layer by layer and in all, for one image. `toString` prints it as a table. */
export interface ModelSummary {
  rows: SummaryRow[]
  parameters: number
  macs: number
  activationBytes: number
  toString(): string
}

type Shape = [height: number, width: number, channels: number]
const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b)

/**
 * Rows are what writes new values; nearest-neighbour upsampling and concatenation are copies and belong to the
 * convolution that reads them.
 */
export function summarize({ variant, activation }: TinyUNetConfig, inputShape: Shape): ModelSummary {
  const { alphaGradient, widening = 1 } = activations[activation]
  const rows: SummaryRow[] = []
  const add = (name: string, kernel: string, outputShape: Shape, parameters: number, macs: number) => {
    rows.push({ name, outputShape, kernel, parameters, macs, activationBytes: 4 * size(outputShape) })
    return outputShape
  }
  forward<Shape>(
    variant,
    {
      convolution([height, width, channels], { name, side, filters, activated }) {
        const weights = side * side * channels * filters
        const alphas = !activated || !alphaGradient ? 0 : activation === 'prelu_shared' ? 1 : filters
        const out = activated ? filters * widening : filters
        return add(name, `${side}x${side}`, [height, width, out], weights + filters + alphas, height * width * weights)
      },
      maxPool: ([height, width, channels], name) => add(name, '2x2 pool', [height / 2, width / 2, channels], 0, 0),
      upsample: ([height, width, channels]) => [2 * height, 2 * width, channels],
      concatenate: ([height, width, upsampled], [, , skip]) => [height, width, upsampled + skip],
    },
    inputShape,
  )
  const total = (key: 'parameters' | 'macs' | 'activationBytes') => rows.reduce((sum, row) => sum + row[key], 0)
  const summary = {
    rows,
    parameters: total('parameters'),
    macs: total('macs'),
    activationBytes: total('activationBytes'),
  }
  return { ...summary, toString: () => table(summary) }
}

const HEADER = ['layer', 'output', 'kernel', 'parameters', 'MMAC', 'activations']

function table({ rows, parameters, macs, activationBytes }: Omit<ModelSummary, 'toString'>): string {
  const count = (value: number) => value.toLocaleString('en-US')
  const numbers = (row: { parameters: number; macs: number; activationBytes: number }) => [
    count(row.parameters),
    (row.macs / 1e6).toFixed(1),
    `${(row.activationBytes / 2 ** 20).toFixed(2)} MiB`,
  ]
  const body = rows.map((row) => [row.name, row.outputShape.join(' x '), row.kernel, ...numbers(row)])
  const total = ['total, one image', '', '', ...numbers({ parameters, macs, activationBytes })]
  const cells = [HEADER, ...body, total]
  const widths = HEADER.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)))
  const line = (row: string[]) =>
    row.map((cell, i) => (i < 3 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ')
  const rule = '-'.repeat(line(HEADER).length)
  return [line(HEADER), rule, ...body.map(line), rule, line(total)].join('\n')
}
