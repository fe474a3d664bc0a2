import type { Item } from './layout'

const SWEEPS = 16

/** Sorts each row by where its items' neighbours stand in the rows above and below, so that few links cross. */
export function orderRows(rows: Item[][]): void {
  const place = new Map<Item, number>()
  const number = (row: Item[]) => {
    row.forEach((item, i) => {
      place.set(item, i - (row.length - 1) / 2)
    })
  }
  rows.forEach(number)
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const down = sweep % 2 === 0
    for (const row of down ? rows : rows.toReversed()) {
      const wanted = new Map(row.map((item) => [item, mean(down ? item.above : item.below, place) ?? place.get(item)!]))
      row.sort((a, b) => wanted.get(a)! - wanted.get(b)!)
      number(row)
    }
  }
}

const mean = (neighbours: readonly Item[], place: ReadonlyMap<Item, number>): number | undefined =>
  neighbours.length === 0 ? undefined : neighbours.reduce((sum, item) => sum + place.get(item)!, 0) / neighbours.length
