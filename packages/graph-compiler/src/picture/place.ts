import type { Item } from './layout'

const SWEEPS = 40
/** How much more a pinned item counts than another. */
const PINNED = 1e6
/** Between neighbours of a row. */
const GAP = 22

/**
 * Gives the items of each row, which keep their order, places near their neighbours above and below; pinned ones in one
 * line.
 */
export function placeRows(rows: readonly Item[][]): void {
  for (const row of rows) spread(row)
  for (let sweep = 0; sweep < SWEEPS; sweep++)
    for (const row of sweep % 2 === 0 ? rows : rows.toReversed()) {
      for (const item of row) {
        const neighbours = [...item.above, ...item.below]
        if (neighbours.length > 0 && !item.pinned)
          item.x = neighbours.reduce((sum, { x }) => sum + x, 0) / neighbours.length
      }
      spread(row)
    }
  const left = Math.min(0, ...rows.flat().map(({ x, width }) => x - width / 2))
  for (const item of rows.flat()) item.x -= left
}

/**
 * Moves each item as little as can be, such that none overlap: least squares, by pooling neighbours that would
 * (isotonic regression; Barlow, Bartholomew, Bremner and Brunk 1972).
 */
function spread(row: readonly Item[]): void {
  const pools: { sum: number; weight: number; count: number }[] = []
  const offsets: number[] = [] // of each item if all stood side by side
  row.forEach(({ width, pinned, x }, i) => {
    offsets.push(i === 0 ? 0 : offsets[i - 1]! + (row[i - 1]!.width + width) / 2 + GAP)
    const weight = pinned ? PINNED : 1
    let pool = { sum: weight * ((pinned ? 0 : x) - offsets[i]!), weight, count: 1 }
    for (let last = pools.at(-1); last && last.sum / last.weight > pool.sum / pool.weight; last = pools.at(-1)) {
      pool = { sum: last.sum + pool.sum, weight: last.weight + pool.weight, count: last.count + pool.count }
      pools.pop()
    }
    pools.push(pool)
  })
  let i = 0
  for (const { sum, weight, count } of pools)
    for (const end = i + count; i < end; i++) row[i]!.x = sum / weight + offsets[i]!
}
