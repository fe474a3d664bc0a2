import { groupBy, type Layout } from './layout'
import type { Link } from './scene'

/** The way of a far link: down beside the picture, as far out as its lane says. */
export interface Lane {
  readonly link: Link
  /** Left run values that are kept for later, right those that are gathered from all over. */
  readonly side: 'left' | 'right'
  /** 0 is next to the boxes. */
  readonly number: number
}

/** From how many far links to one box on they share a lane. */
const GATHERED = 4

/**
 * Lanes for the far links: those from one box share one, or those to one box where there are many; short ones run
 * inside.
 */
export function lanesOf({ far, spots }: Layout): Lane[] {
  const row = (id: number) => spots.get(id)!.row
  const into = groupBy(far, ({ to }) => to)
  const isGathered = ({ to }: Link) => into.get(to)!.length >= GATHERED
  const bundles = [
    ...[
      ...groupBy(
        far.filter((link) => !isGathered(link)),
        ({ from }) => from,
      ).values(),
    ].map((links) => ({ links, side: 'left' as const })),
    ...[...groupBy(far.filter(isGathered), ({ to }) => to).values()].map((links) => ({
      links,
      side: 'right' as const,
    })),
  ].map((bundle) => ({
    ...bundle,
    begin: Math.min(...bundle.links.map(({ from }) => row(from))),
    end: Math.max(...bundle.links.map(({ to }) => row(to))),
  }))
  bundles.sort((a, b) => a.end - a.begin - (b.end - b.begin))

  const taken: Record<'left' | 'right', { begin: number; end: number }[][]> = { left: [], right: [] }
  return bundles.flatMap(({ links, side, begin, end }) => {
    const lanes = taken[side]
    const free = lanes.findIndex((lane) => lane.every((other) => other.end < begin || end < other.begin))
    const number = free < 0 ? lanes.length : free
    lanes[number] = [...(lanes[number] ?? []), { begin, end }]
    return links.map((link) => ({ link, side, number }))
  })
}
