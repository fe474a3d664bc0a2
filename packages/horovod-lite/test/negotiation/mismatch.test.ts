import { expect, test } from 'vitest'
import { mismatch } from '../../src/negotiation/mismatch'
import type { Submission } from '../../src/negotiation/submission'
import { submission } from './submissions'

const tensors = (...names: string[]) => names.map((name) => ({ name, shape: [3], dtype: 'float32' }))
const gather = (shape: number[]) => submission('x', { kind: 'allgather', shape, attributes: {} })
const among = (...submissions: Submission[]) => mismatch(new Map(submissions.entries()))

const plain = submission('x')

test.each<[what: string, message: string | undefined, submissions: Submission[]]>([
  ['equal submissions agree', undefined, [plain, plain, plain]],
  [
    'an operation',
    'allreduce x: got the operation allreduce on rank 0 and broadcast on rank 1; a name belongs to one operation',
    [plain, submission('x', { kind: 'broadcast', shape: [2] })],
  ],
  [
    'a shape, and who has which',
    'allreduce x: got shape [3] on ranks 0, 2 and [4] on ranks 1, 3; every rank must pass the same',
    [plain, submission('x', { shape: [4] }), plain, submission('x', { shape: [4] })],
  ],
  [
    'the first of several differences',
    'allreduce x: got shape [3] on rank 0 and [4] on rank 1; every rank must pass the same',
    [plain, submission('x', { shape: [4] }), submission('x', { shape: [5] })],
  ],
  [
    'a shape of as many numbers',
    'allreduce x: got shape [17,1311] on rank 0 and [17,23,57] on rank 1; every rank must pass the same',
    [submission('x', { shape: [17, 1311] }), submission('x', { shape: [17, 23, 57] })],
  ],
  [
    'a scalar and a vector of one number',
    'allreduce x: got shape [] on rank 0 and [1] on rank 1; every rank must pass the same',
    [submission('x', { shape: [] }), submission('x', { shape: [1] })],
  ],
  [
    'a dtype',
    'allreduce x: got dtype float32 on rank 0 and int32 on rank 1; every rank must pass the same',
    [plain, submission('x', { dtype: 'int32' })],
  ],
  [
    'a tensor of a group',
    'allreduce x: got shape of b [3] on rank 0 and [1] on rank 1; every rank must pass the same',
    [
      submission('x', { entries: tensors('a', 'b') }),
      submission('x', { entries: [...tensors('a'), { name: 'b', shape: [1], dtype: 'float32' }] }),
    ],
  ],
  [
    'names of a group',
    'allreduce x: got the tensor b on rank 0 and c on rank 1; every rank must pass the same',
    [submission('x', { entries: tensors('a', 'b') }), submission('x', { entries: tensors('a', 'c') })],
  ],
  [
    'the number of tensors and the first name that is missing',
    'allreduce x: got 3 tensors (with b) on rank 0 and 1 tensor (without b) on rank 1; every rank must pass the same',
    [submission('x', { entries: tensors('a', 'b', 'c') }), submission('x', { entries: tensors('a') })],
  ],
  [
    'one tensor more',
    'allreduce x: got 1 tensor (without b) on rank 0 and 2 tensors (with b) on rank 1; every rank must pass the same',
    [submission('x', { entries: tensors('a') }), submission('x', { entries: tensors('a', 'b') })],
  ],
  [
    'compression',
    'allreduce x: got numbers sent as float32 on rank 0 and float16 on rank 1; every rank must pass the same',
    [plain, submission('x', { wire: 'float16' })],
  ],
  [
    'a reduction',
    'allreduce x: got op Sum on rank 0 and Average on rank 1; every rank must pass the same',
    [plain, submission('x', { attributes: { op: 'Average', reduction: 'Sum' } })],
  ],
  [
    'a factor',
    'allreduce x: got prescaleFactor 0.5 on rank 0 and 0.25 on rank 1; every rank must pass the same',
    [0.5, 0.25].map((prescaleFactor) => submission('x', { attributes: { op: 'Sum', prescaleFactor } })),
  ],
  [
    'a root',
    'broadcast x: got root 0 on rank 0 and 1 on rank 1; every rank must pass the same',
    [0, 1].map((root) => submission('x', { kind: 'broadcast', attributes: { root } })),
  ],
  ['rows of an allgather may differ in number', undefined, [gather([0, 3]), gather([5, 3])]],
  [
    'rows of an allgather',
    'allgather x: got shape [2,3] on ranks 0, 2 and [2,4] on rank 1; all dimensions but the first must be equal',
    [gather([2, 3]), gather([2, 4]), gather([7, 3])],
  ],
  [
    'dimensions of an allgather',
    'allgather x: got shape [2] on rank 0 and [2,1] on rank 1; all dimensions but the first must be equal',
    [gather([2]), gather([2, 1])],
  ],
])('%s', (_, message, submissions) => {
  expect(among(...submissions)).toBe(message)
})

test('ranks are named in order, whoever came first', () => {
  const late = new Map([
    [2, submission('x', { shape: [1] })],
    [0, plain],
    [1, plain],
  ])
  expect(mismatch(late)).toContain('got shape [3] on ranks 0, 1 and [1] on rank 2')
})
