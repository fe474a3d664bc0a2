import type { TensorType } from '../../ir/graph'
import { internType } from '../../ir/intern'
import { type Operation, operation, typeText } from '../operation'

// Between the layouts. Values are the same, so to the interpreter these are nothing.

function check(op: string, { shape, dtype, layout }: TensorType, from: 'dense' | 'blocked') {
  if (shape.length !== 4 || dtype !== 'float32' || layout !== from)
    throw new Error(`${op}: got ${typeText({ shape, dtype, layout })}, expected float32[n,h,w,c] ${from}`)
}

export const layouts: Operation[] = [
  operation({
    name: 'ToBlocked',
    inputs: ['x'],
    kind: 'layout',
    blocked: true,
    infer({ x }) {
      check('ToBlocked', x, 'dense')
      return internType(x.shape, x.dtype, 'blocked').value
    },
    expand: (graph, { x }) => graph.add('Identity', [x]),
  }),
  operation({
    name: 'ToDense',
    inputs: ['x'],
    kind: 'layout',
    blocked: true,
    infer({ x }) {
      check('ToDense', x, 'blocked')
      return internType(x.shape, x.dtype, 'dense').value
    },
    expand: (graph, { x }) => graph.add('Identity', [x]),
  }),
]
