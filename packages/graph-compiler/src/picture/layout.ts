import { orderRows } from './order'
import { placeRows } from './place'
import type { Link, Scene } from './scene'

/** Where a box lies: its centre from left to right, and its row from top to bottom. */
export interface Spot {
  readonly x: number
  readonly row: number
}

/** A link from box to box, by way of a place in each row between. */
export interface Route {
  readonly link: Link
  /** Centres in the rows from the source's to the target's. */
  readonly x: readonly number[]
}

export interface Layout {
  /** By box id. */
  readonly spots: ReadonlyMap<number, Spot>
  readonly rows: number
  readonly routes: readonly Route[]
  /** Links over more rows than boxes are led around: they run beside the picture. */
  readonly far: readonly Link[]
}

/** More rows than this a link is not led between the boxes. */
const FAR = 4

/** A box, or a place that a link passes in a row. */
export interface Item {
  readonly row: number
  readonly width: number
  /** Whether it lies on the main way, which is straight. */
  readonly pinned: boolean
  /** Neighbours in the rows above and below. */
  readonly above: Item[]
  readonly below: Item[]
  x: number
}

export interface Sizes {
  readonly boxWidth: number
  /** Of a link that passes between boxes. */
  readonly linkWidth: number
}

/**
 * Boxes in rows, such that every link leads down (Sugiyama, Tagawa and Toda 1981): rows by the longest path, order in a
 * row by neighbours' centres, places by least squares.
 */
export function layOut({ boxes, links }: Scene, { boxWidth, linkWidth }: Sizes): Layout {
  const ids = boxes.map(({ id }) => id)
  const rowOf = rowsOf(ids, links)
  const main = mainWay(ids, links, rowOf)
  const items = new Map<number, Item>()
  const all: Item[] = []
  const add = (row: number, width: number, pinned = false): Item => {
    const item = { row, width, pinned, above: [], below: [], x: 0 }
    all.push(item)
    return item
  }
  for (const { id } of boxes) items.set(id, add(rowOf.get(id)!, boxWidth, main.has(id)))

  const span = ({ from, to }: Link) => rowOf.get(to)! - rowOf.get(from)!
  const near = links.filter((link) => span(link) <= FAR)
  const paths = near.map((link) => {
    const passed = Array.from({ length: span(link) - 1 }, (_, i) => add(rowOf.get(link.from)! + 1 + i, linkWidth))
    const path = [items.get(link.from)!, ...passed, items.get(link.to)!]
    for (let i = 1; i < path.length; i++) {
      path[i - 1]!.below.push(path[i]!)
      path[i]!.above.push(path[i - 1]!)
    }
    return path
  })

  const count = 1 + Math.max(-1, ...rowOf.values())
  const rows = Array.from({ length: count }, (_, row) => all.filter((item) => item.row === row))
  orderRows(rows)
  placeRows(rows)
  return {
    spots: new Map([...items].map(([id, { x, row }]) => [id, { x, row }])),
    rows: count,
    routes: near.map((link, i) => ({ link, x: paths[i]!.map(({ x }) => x) })),
    far: links.filter((link) => span(link) > FAR),
  }
}

/**
 * One row more than the lowest that it reads; what reads nothing stands right above its first reader. Ids are in an
 * order in which links lead forward.
 */
function rowsOf(ids: readonly number[], links: readonly Link[]): Map<number, number> {
  const rows = new Map<number, number>()
  const from = groupBy(links, ({ to }) => to)
  const to = groupBy(links, ({ from }) => from)
  for (const id of inOrder(ids, from))
    rows.set(id, 1 + Math.max(-1, ...(from.get(id) ?? []).map((link) => rows.get(link.from)!)))
  for (const id of ids)
    if (!from.has(id) && to.has(id)) rows.set(id, Math.min(...to.get(id)!.map((link) => rows.get(link.to)!)) - 1)
  return rows
}

/** The boxes of a longest way through the graph. */
function mainWay(ids: readonly number[], links: readonly Link[], rowOf: ReadonlyMap<number, number>): Set<number> {
  const rest = new Map<number, number>() // links to the end on the longest way
  const to = groupBy(links, ({ from }) => from)
  const longest = (candidates: readonly number[]) =>
    candidates.reduce((best, id) => (rest.get(id)! > rest.get(best)! ? id : best), candidates[0]!)
  for (const id of ids.toSorted((a, b) => rowOf.get(b)! - rowOf.get(a)!))
    rest.set(id, Math.max(0, ...(to.get(id) ?? []).map((link) => 1 + rest.get(link.to)!)))
  const way = new Set<number>()
  for (let id: number | undefined = longest(ids); id !== undefined; ) {
    way.add(id)
    const next = to.get(id)
    id = next && longest(next.map((link) => link.to))
  }
  return way
}

/** Each after all that it reads: a box of several nodes may read what comes after its first. */
function inOrder(ids: readonly number[], from: ReadonlyMap<number, readonly Link[]>): number[] {
  const order = new Set<number>()
  const visit = (id: number) => {
    if (order.has(id)) return
    for (const link of from.get(id) ?? []) visit(link.from)
    order.add(id)
  }
  ids.forEach(visit)
  return [...order]
}

/** The items by their key, each group in order. */
export function groupBy<T, K>(items: readonly T[], key: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>()
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item])
  return groups
}
