import type { Submission } from '../../src/negotiation/submission'

/** A float32 tensor of 3 numbers to add up, unless said otherwise. */
export function submission(
  name: string,
  { shape = [3], dtype = 'float32', ...more }: Partial<Submission & Tensor> = {},
) {
  const plain: Submission = {
    kind: 'allreduce',
    name,
    entries: [{ name, shape, dtype }],
    wire: dtype === 'int32' ? 'int32' : 'float32',
    bytes: 4 * shape.reduce((product, n) => product * n, 1),
    attributes: { op: 'Sum', reduction: 'Sum' },
    fusable: true,
  }
  return { ...plain, ...more }
}

interface Tensor {
  shape: number[]
  dtype: string
}
