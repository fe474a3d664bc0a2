import { expect, test } from 'vitest'
import { Negotiation } from '../../src/negotiation/negotiation'
import type { Submission, Verdict } from '../../src/negotiation/submission'
import { submission } from './submissions'

const negotiation = (size: number, more = {}) => new Negotiation({ size, fusionThreshold: 1000, ...more })
/** A rank waits for what it submits. */
function block(all: Negotiation, rank: number, what: Submission): void {
  all.submit(rank, what)
  all.blockedOn(rank, [what.name])
}
/** What ran together, and why something did not. */
const brief = (verdicts: Verdict[]) =>
  verdicts.map((verdict) => {
    if (verdict.kind === 'run') return verdict.names.join(' ')
    if (verdict.kind === 'error') return `${verdict.names}: ${verdict.message}`
    return verdict.kind === 'joined' ? `joined, last ${verdict.last}` : `rank ${verdict.rank} left`
  })

test('a name runs once all ranks have submitted it, in the order in which names became ready', () => {
  const both = negotiation(2)
  const alone = { fusable: false }
  both.submit(0, submission('a', alone))
  both.submit(0, submission('b', alone))
  both.submit(1, submission('b', alone))
  expect(brief(both.take())).toEqual(['b'])
  both.submit(1, submission('c', alone))
  both.submit(1, submission('a', alone))
  both.submit(0, submission('c', alone))
  expect(brief(both.take())).toEqual(['a', 'c'])
  expect(both.take()).toEqual([])
})

test('a name may be used again when it has ended', () => {
  const both = negotiation(2)
  for (let i = 0; i < 3; i++) {
    for (const rank of [0, 1]) both.submit(rank, submission('a'))
    expect(brief(both.take())).toEqual(['a'])
  }
})

test('a rank cannot submit a name twice', () => {
  const both = negotiation(2)
  both.submit(1, submission('a'))
  expect(() => both.submit(1, submission('a'))).toThrow(
    'allreduce a: got it twice from rank 1, expected a name once at a time',
  )
  both.submit(0, submission('a'))
  expect(brief(both.take())).toEqual(['a'])
})

test('submissions that differ are an error, and the name is free again', () => {
  const both = negotiation(2)
  both.submit(0, submission('a'))
  both.submit(1, submission('a', { shape: [2] }))
  expect(both.take()).toEqual([
    { kind: 'error', names: ['a'], message: expect.stringContaining('shape [3] on rank 0 and [2] on rank 1') },
  ])
  for (const rank of [0, 1]) both.submit(rank, submission('a'))
  expect(brief(both.take())).toEqual(['a'])
})

test('operations of one type and reduction share a run up to the threshold, also past others', () => {
  const one = negotiation(1, { fusionThreshold: 24 })
  const product = { attributes: { op: 'Product', reduction: 'Product' } }
  one.submit(0, submission('a'))
  one.submit(0, submission('integers', { dtype: 'int32' }))
  one.submit(0, submission('average', { attributes: { op: 'Average', reduction: 'Sum' } }))
  one.submit(0, submission('too much'))
  one.submit(0, submission('product', product))
  one.submit(0, submission('large', { fusable: false }))
  one.submit(0, submission('more integers', { dtype: 'int32' }))
  one.submit(0, submission('rows', { kind: 'allgather', fusable: false }))
  one.submit(0, submission('b'))
  const verdicts = one.take()
  expect(brief(verdicts)).toEqual(['a average', 'integers more integers', 'too much b', 'product', 'large', 'rows'])
  const [fused] = verdicts as [Extract<Verdict, { kind: 'run' }>]
  expect(fused.like.map(({ name }) => name)).toEqual(['a', 'average'])
  expect(fused.counts).toEqual([[], []])
  one.submit(0, submission('c'))
  expect(brief(one.take())).toEqual(['c']) // nothing is added to what was sent
})

test('fusion can be switched off', () => {
  const one = negotiation(1, { fusionThreshold: 0 })
  for (const name of ['a', 'b']) one.submit(0, submission(name))
  expect(brief(one.take())).toEqual(['a', 'b'])
})

test('an allgather tells the bytes of each rank, an alltoall the splits of all', () => {
  const all = negotiation(3)
  for (const rank of [2, 0, 1]) {
    all.submit(rank, submission('rows', { kind: 'allgather', shape: [rank], fusable: false }))
    all.submit(rank, submission('parts', { kind: 'alltoall', splits: [rank, 10, 20], fusable: false }))
  }
  expect(all.take()).toMatchObject([
    { names: ['rows'], counts: [[0, 4, 8]] },
    { names: ['parts'], counts: [[0, 10, 20, 1, 10, 20, 2, 10, 20]] },
  ])
})

test('where every rank waits for something else, all raise and the message says who waits for what', () => {
  const all = negotiation(3)
  all.submit(0, submission('under way'))
  block(all, 0, submission('a'))
  block(all, 1, submission('b', { kind: 'broadcast' }))
  expect(all.take()).toEqual([]) // rank 2 may come to both
  all.submit(2, submission('a'))
  expect(all.take()).toEqual([])
  all.blockedOn(2, ['a'])
  expect(brief(all.take())).toEqual([
    'a,b: got different calls: allreduce a on ranks 0, 2; broadcast b on rank 1; every rank must make the same calls in the same order',
  ])
  expect(all.take()).toEqual([])
  for (const rank of [1, 2]) block(all, rank, submission('under way'))
  expect(brief(all.take())).toEqual(['under way'])
})

test('it is seen in the turn in which something else becomes ready', () => {
  const both = negotiation(2)
  both.submit(0, submission('ready'))
  block(both, 0, submission('a'))
  both.submit(1, submission('ready'))
  block(both, 1, submission('b'))
  expect(brief(both.take())).toEqual(['ready', expect.stringMatching(/^a,b: got different calls/)])
})

test('a rank whose operation became ready is not waiting', () => {
  const both = negotiation(2)
  block(both, 0, submission('a'))
  both.submit(1, submission('b'))
  both.submit(1, submission('a'))
  both.blockedOn(1, ['b'])
  expect(brief(both.take())).toEqual(['a']) // rank 0 may come to b now
  block(both, 0, submission('b'))
  expect(brief(both.take())).toEqual(['b'])
})

test('reductions and barriers go on without ranks that have joined; all go on together when the last one has', () => {
  const all = negotiation(3)
  all.submit(0, submission('a'))
  all.submit(2, submission('a'))
  expect(all.take()).toEqual([])
  all.join(1)
  expect(brief(all.take())).toEqual(['a'])
  for (const rank of [0, 2]) all.submit(rank, submission('end', { kind: 'barrier', entries: [], fusable: false }))
  expect(brief(all.take())).toEqual(['end'])
  all.join(2)
  all.submit(0, submission('b'))
  expect(brief(all.take())).toEqual(['b'])
  all.join(0)
  expect(brief(all.take())).toEqual(['joined, last 0'])
  for (const rank of [0, 1, 2]) all.submit(rank, submission('rows', { kind: 'allgather', shape: [1], fusable: false }))
  expect(brief(all.take())).toEqual(['rows'])
})

test('what a rank submitted before it joined is done before all go on', () => {
  const all = negotiation(3)
  all.submit(1, submission('early'))
  for (const rank of [1, 0]) all.join(rank)
  expect(all.take()).toEqual([])
  all.join(2)
  expect(brief(all.take())).toEqual(['early', 'joined, last 2'])
})

test.each(['allgather', 'broadcast', 'alltoall'] as const)('%s is an error where a rank has joined', (kind) => {
  const all = negotiation(3)
  all.join(1)
  for (const rank of [0, 2]) block(all, rank, submission('x', { kind, splits: [1, 1, 1] }))
  expect(brief(all.take())).toEqual([
    `x: ${kind} x: got it where rank 1 had joined, expected allreduce only; call join() after the last ${kind}`,
  ])
})

test('ranks that wait for each other raise, also where others have joined', () => {
  const all = negotiation(3)
  all.join(0)
  block(all, 1, submission('a'))
  block(all, 2, submission('b'))
  expect(brief(all.take())).toEqual([expect.stringMatching(/^a,b: got different calls/)])
})

test('what needs a rank that has said goodbye is an error', () => {
  const all = negotiation(3)
  all.submit(0, submission('waiting'))
  all.leave(2)
  all.submit(1, submission('later'))
  const gone = (name: string) =>
    `${name}: allreduce ${name}: rank 2 has shut down, so it can never run; every rank must make the same calls`
  const verdicts = all.take()
  expect(brief(verdicts)).toEqual(['rank 2 left', gone('waiting'), gone('later')])
  expect(verdicts).toMatchObject([{}, { gone: true }, { gone: true }])
})

test('what a rank submitted before it said goodbye never runs', () => {
  const both = negotiation(2)
  both.submit(1, submission('a'))
  both.submit(1, submission('b'))
  both.submit(0, submission('b', { shape: [1] }))
  both.take()
  both.leave(1)
  both.submit(0, submission('a'))
  expect(brief(both.take())).toEqual(['rank 1 left', expect.stringMatching(/^a: .*rank 1 has shut down/)])
})

test('what was decided before a rank said goodbye comes before it has left', () => {
  const both = negotiation(2)
  for (const rank of [0, 1]) both.submit(rank, submission('a'))
  both.leave(1)
  expect(brief(both.take())).toEqual(['a', 'rank 1 left'])
})

test('a rank that left does not keep the others from joining', () => {
  const all = negotiation(3)
  all.join(1)
  all.join(0)
  all.leave(2)
  expect(brief(all.take())).toEqual(['rank 2 left', 'joined, last 0'])
})

test('stalls name who is there and who is missing, not who has joined', () => {
  let milliseconds = 0
  const all = negotiation(4, { now: () => milliseconds })
  all.submit(2, submission('a'))
  all.join(3)
  milliseconds = 2000
  all.submit(1, submission('b', { kind: 'broadcast' }))
  all.submit(0, submission('a'))
  expect(all.stalls(1)).toEqual([{ name: 'a', kind: 'allreduce', seconds: 2, missing: [1] }])
  milliseconds = 3500
  expect(all.stalls(1)).toMatchObject([
    { name: 'a', seconds: 3.5 },
    { name: 'b', seconds: 1.5, missing: [0, 2] },
  ])
  all.submit(1, submission('a'))
  expect(all.stalls(0)).toMatchObject([{ name: 'b' }])
})
