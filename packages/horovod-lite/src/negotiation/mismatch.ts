import { type Entry, listed, type Submission } from './submission'

/** Why ranks that submitted the same name cannot run together; undefined where they can. All of one name, by rank. */
export function mismatch(submissions: ReadonlyMap<number, Submission>): string | undefined {
  const [[firstRank, first], ...others] = [...submissions].sort(([a], [b]) => a - b) as [[number, Submission]]
  const compared = (others as [number, Submission][]).map(([rank, other]) => ({ rank, ...difference(first, other) }))
  const odd = compared.find(({ theirs }) => theirs !== undefined)
  if (!odd) return undefined
  const { what, mine, theirs, hint = 'every rank must pass the same' } = odd
  const alike = [firstRank, ...compared.filter(({ theirs }) => theirs === undefined).map(({ rank }) => rank)]
  const unlike = compared.filter((each) => each.what === what && each.theirs === theirs).map(({ rank }) => rank)
  return `${first.kind} ${first.name}: got ${what}${mine} on ${listed(alike)} and ${theirs} on ${listed(unlike)}; ${hint}`
}

interface Difference {
  /** With a space at its end, or empty. */
  what: string
  mine: string
  theirs: string
  hint?: string
}

function difference(a: Submission, b: Submission): Difference | undefined {
  if (a.kind !== b.kind)
    return { what: 'the operation ', mine: a.kind, theirs: b.kind, hint: 'a name belongs to one operation' }
  if (a.entries.length !== b.entries.length) return lengths(a, b)
  for (const [i, entry] of a.entries.entries()) {
    const differs = entriesDiffer(a, entry, b.entries[i]!)
    if (differs) return differs
  }
  if (a.wire !== b.wire) return { what: 'numbers sent as ', mine: a.wire, theirs: b.wire }
  for (const key of new Set([...Object.keys(a.attributes), ...Object.keys(b.attributes)])) {
    const [mine, theirs] = [String(a.attributes[key]), String(b.attributes[key])]
    if (mine !== theirs) return { what: `${key} `, mine, theirs }
  }
  return undefined
}

/** The first name that one of them has not got says most. */
function lengths(a: Submission, b: Submission): Difference {
  const names = (submission: Submission) => new Set(submission.entries.map(({ name }) => name))
  const [mine, theirs] = [names(a), names(b)]
  const only = [...mine].find((name) => !theirs.has(name)) ?? [...theirs].find((name) => !mine.has(name))
  const side = ({ entries: { length } }: Submission, own: Set<string>) =>
    `${length} ${length === 1 ? 'tensor' : 'tensors'}${only ? ` (${own.has(only) ? 'with' : 'without'} ${only})` : ''}`
  return { what: '', mine: side(a, mine), theirs: side(b, theirs) }
}

function entriesDiffer({ kind, entries }: Submission, a: Entry, b: Entry): Difference | undefined {
  const of = entries.length > 1 ? `of ${a.name} ` : ''
  if (a.name !== b.name) return { what: 'the tensor ', mine: a.name, theirs: b.name }
  if (a.dtype !== b.dtype) return { what: `dtype ${of}`, mine: a.dtype, theirs: b.dtype }
  const free = kind === 'allgather' || kind === 'alltoall' // the first dimension may differ
  const compared = ({ shape }: Entry) => (free ? [shape.length, ...shape.slice(1)] : shape).join()
  if (compared(a) === compared(b)) return undefined
  const hint = free ? 'all dimensions but the first must be equal' : undefined
  return { what: `shape ${of}`, mine: `[${a.shape}]`, theirs: `[${b.shape}]`, hint }
}
