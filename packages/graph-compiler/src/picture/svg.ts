import { type Graph, typeOf } from '../ir/graph'
import { type Lane, lanesOf } from './lanes'
import { groupBy, type Layout, layOut, type Route } from './layout'
import { type Box, type Link, sceneOf } from './scene'
import { GRADIENT, styleSheet } from './style'
import { cut, details, escaped, number, type PictureOptions, readText, remarks, shapeText } from './words'

const BOX = { width: 204, height: 62 }
const GAP = 40 // between rows
const LANE = 8 // between lanes
const MARGIN = 24

/** A picture, and what stands beside it. */
export interface Drawing {
  readonly svg: string
  readonly boxes: readonly Box[]
  readonly timeOf: (box: Box) => number | undefined
}

/**
 * A graph as a self-contained SVG: a box a node in the order of data flow, coloured by kind; lines with the shapes of
 * what flows; all else in tooltips. Inputs, and values that many read, are named in the boxes that read them; nodes
 * that are alike and lie side by side are one box. With `times`, each box has a bar as long as its share of the
 * slowest.
 */
export const graphSvg = (graph: Graph, options: PictureOptions = {}): string => draw(graph, options).svg

export function draw(graph: Graph, options: PictureOptions): Drawing {
  const scene = sceneOf(graph)
  const layout = layOut(scene, { boxWidth: BOX.width, linkWidth: 14 })
  const lanes = lanesOf(layout)
  const timeOf = timesOf(options)
  const { place, width, height } = placing(layout, lanes)
  const slowest = Math.max(0, ...scene.boxes.map((box) => timeOf(box) ?? 0))
  const svg = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escaped(options.title ?? 'Graph')}</title><style>${styleSheet}</style>`,
    '<marker id="tip" viewBox="0 0 6 6" refX="5" refY="3" markerWidth="5" markerHeight="5" orient="auto"><path d="M0 0 6 3 0 6z"/></marker>',
    `<clipPath id="inside"><rect width="${BOX.width - 4}" height="${BOX.height}"/></clipPath>`,
    '<g class="links">',
    ...lanes.map((lane) => laneText(graph, lane, place)),
    ...routesText(graph, layout.routes, place),
    '</g>',
    ...scene.boxes.map((box) => boxText(graph, box, place.spot(box.id), timeOf(box), slowest, options)),
    '</svg>',
  ].join('\n')
  return { svg, boxes: scene.boxes, timeOf }
}

function timesOf({ times }: PictureOptions) {
  return ({ nodes }: Box) => {
    const known = nodes.flatMap((node) => times?.[node] ?? [])
    return known.length > 0 ? known.reduce((sum, time) => sum + time, 0) : undefined
  }
}

// ── From rows and lanes to pixels ──

interface Placing {
  /** A box's left upper corner. */
  spot(id: number): { x: number; y: number }
  /** A centre that the layout gave. */
  x(centre: number): number
  /** A row's upper edge. */
  y(row: number): number
  row(id: number): number
  lane(lane: Lane): number
}

function placing({ spots, rows, routes }: Layout, lanes: readonly Lane[]) {
  const count = (side: Lane['side']) =>
    1 + Math.max(-1, ...lanes.filter((lane) => lane.side === side).map((lane) => lane.number))
  const left = MARGIN + LANE * (count('left') + 1)
  const right = Math.max(
    BOX.width,
    ...[...spots.values()].map(({ x }) => x + BOX.width / 2),
    ...routes.flatMap((route) => route.x),
  )
  const y = (row: number) => MARGIN + row * (BOX.height + GAP)
  const place: Placing = {
    spot(id) {
      const { x, row } = spots.get(id)!
      return { x: left + x - BOX.width / 2, y: y(row) }
    },
    x: (centre) => left + centre,
    y,
    row: (id) => spots.get(id)!.row,
    lane: ({ side, number }) => (side === 'left' ? left - LANE * (number + 1) : left + right + LANE * (number + 1)),
  }
  const width = left + right + LANE * (count('right') + 1) + MARGIN
  return { place, width: Math.ceil(width), height: y(rows) }
}

// ── Lines ──

const line = (link: Link, path: string, tip: string, classes = '') =>
  `<path class="link${classes}" data-from="${link.from}" data-to="${link.to}" d="${path}"><title>${escaped(tip)}</title></path>`

const linkTip = (graph: Graph, { values }: Link) =>
  cut(values.map((value) => `%${value.node} ${shapeText(typeOf(graph, value))}`).join('\n'), 400)

/**
 * How far from a box's centre its links leave or enter: side by side in the middle half, in the order of where they
 * lead.
 */
function ports(routes: readonly Route[], end: Exclude<keyof Link, 'values'>): Map<Link, number> {
  const far = (route: Route) => route.x.at(end === 'from' ? -1 : 0)!
  const shifts = new Map<Link, number>()
  for (const mates of groupBy(routes, ({ link }) => link[end]).values())
    mates
      .sort((a, b) => far(a) - far(b))
      .forEach(({ link }, i) => {
        shifts.set(link, (BOX.width / 2) * ((i + 1) / (mates.length + 1) - 0.5))
      })
  return shifts
}

function routesText(graph: Graph, routes: readonly Route[], place: Placing): string[] {
  const [leave, enter] = [ports(routes, 'from'), ports(routes, 'to')]
  const labelled = labels(graph, routes)
  return routes.map((route) =>
    routeText(graph, route, place, leave.get(route.link)!, enter.get(route.link)!, labelled.get(route.link)),
  )
}

/** What links say: of those from one box that would say the same, the straightest. */
function labels(graph: Graph, routes: readonly Route[]): Map<Link, string> {
  const text = ({ link: { values } }: Route) =>
    values.length > 1 ? `${values.length} values` : shapeText(typeOf(graph, values[0]!))
  const bend = ({ x }: Route) => Math.abs(x[1]! - x[0]!)
  const same = groupBy(routes, (route) => `${route.link.from} ${text(route)}`)
  return new Map(
    [...same.values()].map((mates) => {
      const straightest = mates.reduce((best, route) => (bend(route) < bend(best) ? route : best))
      return [straightest.link, text(straightest)]
    }),
  )
}

function routeText(graph: Graph, { link, x }: Route, place: Placing, leave: number, enter: number, label = ''): string {
  const first = place.row(link.from)
  const xs = x.map(place.x)
  xs[0]! += leave
  xs[xs.length - 1]! += enter
  let path = ''
  for (let i = 0; i + 1 < xs.length; i++) {
    const [top, bottom] = [place.y(first + i) + BOX.height, place.y(first + i + 1)]
    const middle = (top + bottom) / 2
    path += i === 0 ? `M${point(xs[0]!, top)}` : `V${round(top)}`
    path += `C${point(xs[i]!, middle)} ${point(xs[i + 1]!, middle)} ${point(xs[i + 1]!, bottom)}`
  }
  const drawn = line(link, path, linkTip(graph, link))
  if (!label) return drawn
  const y = place.y(first) + BOX.height + (leave < 0 ? 11 : leave > 0 ? 21 : 16) // that neighbours' do not touch
  return `${drawn}<text class="shape" x="${round(xs[0]! + 4)}" y="${y}">${escaped(label)}</text>`
}

function laneText(graph: Graph, lane: Lane, place: Placing): string {
  const { link, side, number } = lane
  const [from, to, x] = [place.spot(link.from), place.spot(link.to), place.lane(lane)]
  const inset = 10 + 4 * (number % 5)
  const port = side === 'left' ? inset : BOX.width - inset
  const shift = 4 + 3 * (number % 9)
  const path = rounded([
    [from.x + port, from.y + BOX.height],
    [from.x + port, from.y + BOX.height + shift],
    [x, from.y + BOX.height + shift],
    [x, to.y - shift],
    [to.x + port, to.y - shift],
    [to.x + port, to.y],
  ])
  return line(link, path, linkTip(graph, link), ' far')
}

/** Straight lines with round corners. */
function rounded(points: readonly (readonly [number, number])[]): string {
  let path = `M${point(...points[0]!)}`
  for (let i = 1; i + 1 < points.length; i++) {
    const [before, corner, after] = [points[i - 1]!, points[i]!, points[i + 1]!]
    path += `L${point(...towards(corner, before))}Q${point(...corner)} ${point(...towards(corner, after))}`
  }
  return `${path}L${point(...points.at(-1)!)}`
}

/** A corner's radius away from it. */
function towards([x, y]: readonly [number, number], [toX, toY]: readonly [number, number]): [number, number] {
  const length = Math.hypot(toX - x, toY - y)
  const part = length === 0 ? 0 : Math.min(5, length / 2) / length
  return [x + (toX - x) * part, y + (toY - y) * part]
}

const round = (x: number) => Math.round(x * 10) / 10
const point = (x: number, y: number) => `${round(x)} ${round(y)}`

// ── Boxes ──

function boxText(
  graph: Graph,
  box: Box,
  { x, y }: { x: number; y: number },
  time: number | undefined,
  slowest: number,
  options: PictureOptions,
): string {
  const { attributes, types } = graph.nodes[box.nodes[0]!]!
  const names = box.outputs.map((i) => options.outputs?.[i] ?? `output ${i}`)
  const title = box.nodes.length > 1 ? `${box.nodes.length} × ${box.op}` : box.op
  const more = types.length > 1 ? ` +${types.length - 1}` : ''
  const reads = [...new Set(box.reads.map((value) => readText(graph, value)))]
  const lines = [
    ['op', cut(title, 30)],
    ['remark', cut(remarks(attributes), time === undefined ? 36 : 24)],
    ['type', cut(`→ ${shapeText(types[0]!)}${more}`, 32)],
    ['reads', reads.length > 3 ? `${reads.length} inputs` : cut(reads.join(', '), 35)],
  ] as const
  const tops = [14, 27, 40, 53]
  const bar = time === undefined ? '' : timeText(time, slowest)
  return [
    `<g class="box ${box.kind}${GRADIENT.test(box.op) ? ' gradient' : ''}" data-box="${box.id}" transform="translate(${round(x)} ${y})" tabindex="0">`,
    `<title>${escaped(details(graph, box, time, names))}</title>`,
    `<rect class="body" width="${BOX.width}" height="${BOX.height}" rx="6"/><rect class="stripe" width="6" height="${BOX.height}" rx="3"/>`,
    '<g clip-path="url(#inside)">',
    ...lines.map(([name, text], i) =>
      text ? `<text class="${name}" x="13" y="${tops[i]}">${escaped(text)}</text>` : '',
    ),
    '</g>',
    names.length > 0 ? `<circle class="output" cx="${BOX.width - 10}" cy="${BOX.height - 9}" r="4"/>` : '',
    `${bar}</g>`,
  ].join('')
}

const timeText = (time: number, slowest: number) =>
  `<text class="time" x="${BOX.width - 7}" y="27">${number(time)} ms</text>` +
  `<rect class="bar" x="8" y="${BOX.height - 4}" height="3" width="${round((BOX.width - 14) * (slowest > 0 ? time / slowest : 0))}"/>`
