import type { Entry, Submission } from './submission'

/** Why ranks that submitted the same name cannot run together; undefined where they can. All of one name, by rank. */
export function mismatch(submissions: ReadonlyMap<number, Submission>): string | undefined {
  const [[firstRank, first], ...others] = [...submissions].sort(([a], [b]) => a - b) as [[number, Submission]]
  for (const [rank, other] of others as [number, Submission][]) {
    const difference = differs(first, other)
    if (!difference) continue
    const [what, mine, theirs, hint = 'every rank must pass the same'] = difference
    return `${first.kind} ${first.name}: got ${what} ${mine} on rank ${firstRank} and ${theirs} on rank ${rank}; ${hint}`
  }
  return undefined
}

type Difference = [what: string, mine: string, theirs: string, hint?: string]

function differs(a: Submission, b: Submission): Difference | undefined {
  if (a.kind !== b.kind) return ['the operation', a.kind, b.kind, 'a name belongs to one operation']
  if (a.entries.length !== b.entries.length) return lengths(a, b)
  for (const [i, entry] of a.entries.entries()) {
    const difference = entriesDiffer(a, entry, b.entries[i]!)
    if (difference) return difference
  }
  if (a.wire !== b.wire) return ['numbers sent as', a.wire, b.wire]
  for (const key of new Set([...Object.keys(a.attributes), ...Object.keys(b.attributes)]))
    if (a.attributes[key] !== b.attributes[key]) return [key, String(a.attributes[key]), String(b.attributes[key])]
  return undefined
}

/** The first name that one of them has not got says most. */
function lengths(a: Submission, b: Submission): Difference {
  const names = (submission: Submission) => new Set(submission.entries.map(({ name }) => name))
  const [mine, theirs] = [names(a), names(b)]
  const only = [...mine].find((name) => !theirs.has(name)) ?? [...theirs].find((name) => !mine.has(name))
  const side = (own: Set<string>) => `${own.size} tensors (${own.has(only ?? '') ? 'with' : 'without'} ${only})`
  return only ? ['', side(mine), side(theirs)] : ['', `${a.entries.length} tensors`, `${b.entries.length} tensors`]
}

function entriesDiffer(submission: Submission, a: Entry, b: Entry): Difference | undefined {
  const of = submission.entries.length > 1 ? ` of ${a.name}` : ''
  if (a.name !== b.name) return ['the tensor', a.name, b.name]
  if (a.dtype !== b.dtype) return [`dtype${of}`, a.dtype, b.dtype]
  const free = submission.kind === 'allgather' || submission.kind === 'alltoall' // the first dimension may differ
  const compared = (shape: number[]) => (free ? shape.slice(1) : shape)
  const equal = a.shape.length === b.shape.length && compared(a.shape).every((n, i) => n === compared(b.shape)[i])
  if (equal) return undefined
  const hint = free ? 'all dimensions but the first must be equal' : undefined
  return [`shape${of}`, `[${a.shape}]`, `[${b.shape}]`, hint]
}
