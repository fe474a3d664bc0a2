import type { Handle, Pending } from './handle'

// A loop that never reads records the same nodes over and over. Its period is found in the nodes' numbers (operation,
// attributes, types), and its pieces are cut where the fewest values cross: between two steps of training that is where
// only variables do.

/**
 * How to cut pending nodes into whole periods: the number of nodes of each piece, in order; the first may be what came
 * before the loop. Less than a period stays. Nothing where most of the nodes are not periodic.
 */
export function wholePeriods<Leaf>(pending: readonly Pending<Leaf>[]): number[] {
  const count = pending.length
  const found = trailingPeriod(pending.map(({ id }) => id))
  if (!found || found.period + found.start > count / 2) return []
  const { period, start } = found
  const first = start + phase(crossings(pending), start, period)
  const pieces = first > 0 ? [first] : []
  for (let end = first + period; end <= count; end += period) pieces.push(period)
  return pieces
}

/** The shortest period that reaches furthest back from the end, and where it begins to hold. */
export function trailingPeriod(ids: readonly number[]): { period: number; start: number } | undefined {
  const z = zFunction(ids.toReversed())
  let best: { period: number; start: number } | undefined
  for (let period = 1; 2 * period <= ids.length; period++) {
    const start = ids.length - period - z[period]!
    if (z[period]! >= period && (!best || start < best.start)) best = { period, start }
  }
  return best
}

/** z[i]: how many numbers from place i on are those of the beginning (Gusfield 1997, section 1.3). In linear time. */
function zFunction(ids: readonly number[]): Int32Array {
  const z = new Int32Array(ids.length)
  let [left, right] = [0, 0] // the match that reaches furthest
  for (let i = 1; i < ids.length; i++) {
    let length = i < right ? Math.min(right - i, z[i - left]!) : 0
    while (i + length < ids.length && ids[length] === ids[i + length]) length++
    z[i] = length
    if (i + length > right) [left, right] = [i, i + length]
  }
  return z
}

/** For each place, how many values from before it are read behind it. */
function crossings<Leaf>(pending: readonly Pending<Leaf>[]): Int32Array {
  const last = new Map<Handle<Leaf>, number>()
  pending.forEach(({ inputs }, i) => {
    for (const handle of inputs) if (handle?.source) last.set(handle, i)
  })
  const change = new Int32Array(pending.length + 1)
  pending.forEach(({ outputs }, i) => {
    for (const handle of outputs) {
      const reader = last.get(handle)
      if (reader === undefined) continue
      change[i + 1]!++
      change[reader + 1]!--
    }
  })
  for (let i = 1; i < change.length; i++) change[i]! += change[i - 1]!
  return change
}

/**
 * How far from `start` to cut, less than a period: where the fewest values cross. `start` itself wins a tie, so that a
 * cut stays where it is.
 */
function phase(crossing: Int32Array, start: number, period: number): number {
  let best = 0
  // One period later, where all that crosses is known to come from the loop itself.
  const at = (offset: number) => crossing[start + period + offset]!
  for (let offset = 1; offset < period; offset++) if (at(offset) < at(best)) best = offset
  return best
}
