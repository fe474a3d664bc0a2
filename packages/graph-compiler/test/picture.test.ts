import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { dense, type Graph, GraphBuilder, graphPage, graphSvg, parseGraph } from '../src/index'
import { lanesOf } from '../src/picture/lanes'
import { layOut } from '../src/picture/layout'
import { sceneOf } from '../src/picture/scene'
import { randomGraphs } from './support/random-graph'

const SIZES = { boxWidth: 100, linkWidth: 10 }

/** Nodes that have a box. */
const drawn = ({ nodes }: Graph) =>
  [...nodes.keys()].filter((i) => nodes[i]!.op !== 'Input' && !(nodes[i]!.op === 'Fill'))

test('random graphs: each node is in one box, links lead down, no two boxes of a row touch', () => {
  fc.assert(
    fc.property(randomGraphs({ steps: 30 }), ({ graph }) => {
      const scene = sceneOf(graph)
      expect(scene.boxes.flatMap(({ nodes }) => nodes).sort((a, b) => a - b)).toEqual(drawn(graph))
      const layout = layOut(scene, SIZES)
      const spot = (id: number) => layout.spots.get(id)!
      for (const { from, to } of scene.links) expect(spot(to).row).toBeGreaterThan(spot(from).row)
      expect(layout.routes.length + layout.far.length).toBe(scene.links.length)
      for (let row = 0; row < layout.rows; row++) {
        const xs = [...layout.spots.values()].filter((spot) => spot.row === row).map(({ x }) => x)
        xs.sort((a, b) => a - b)
        for (let i = 1; i < xs.length; i++) expect(xs[i]! - xs[i - 1]!).toBeGreaterThan(SIZES.boxWidth)
        expect(xs.every((x) => x >= SIZES.boxWidth / 2 - 1e-6)).toBe(true)
      }
    }),
  )
})

describe('what is drawn', () => {
  const chain = (length: number) => {
    const builder = new GraphBuilder()
    const first = builder.add('Neg', [builder.input(dense([2]))])[0]!
    let x = first
    for (let i = 0; i < length; i++) x = builder.add('Abs', [x])[0]!
    return builder.build(builder.add('Add', [x, first]))
  }

  test('a chain is straight, and a link over many rows runs beside it', () => {
    const layout = layOut(sceneOf(chain(8)), SIZES)
    expect(new Set([...layout.spots.values()].map(({ x }) => x)).size).toBe(1)
    expect(lanesOf(layout)).toMatchObject([{ link: { from: 1, to: 10 }, side: 'left', number: 0 }])
    expect(lanesOf(layOut(sceneOf(chain(2)), SIZES))).toEqual([])
  })

  test('far links to one box share a lane on the right; those from one box on the left; nested ones lie side by side', () => {
    const builder = new GraphBuilder()
    const ends = [builder.add('Neg', [builder.input(dense([2]))])[0]!]
    for (let i = 0; i < 20; i++) ends.push(builder.add('Abs', [ends.at(-1)!])[0]!)
    const early = builder.add('Add', [ends.at(-1)!, ends[3]!])[0]!
    const late = builder.add('Add', [early, ends[1]!])[0]!
    const scene = sceneOf(builder.build(builder.add('AddN', [late, ...ends.slice(5, 11)])))
    const lanes = lanesOf(layOut(scene, SIZES))
    expect(new Set(lanes.filter(({ side }) => side === 'right').map(({ number }) => number))).toEqual(new Set([0]))
    expect(lanes.filter(({ side }) => side === 'right').length).toBe(6)
    expect(lanes.filter(({ side }) => side === 'left').map(({ number }) => number)).toEqual([0, 1])
  })

  test('nodes that are alike and side by side are one box; those with readers of their own are not', () => {
    const builder = new GraphBuilder()
    const squares = Array.from({ length: 5 }, () => builder.add('Square', [builder.input(dense([3]))])[0]!)
    const apart = Array.from(
      { length: 5 },
      () => builder.add('Exp', builder.add('Neg', [builder.input(dense([3]))]))[0]!,
    )
    const graph = builder.build([
      ...builder.add('AddN', squares),
      ...builder.add('Abs', [apart[0]!]),
      ...apart.slice(1),
    ])
    const groups = sceneOf(graph).boxes.map(({ op, nodes }) => `${nodes.length} ${op}`)
    expect(groups.sort()).toEqual(['1 Abs', '1 AddN', '1 Exp', '1 Neg', '4 Exp', '4 Neg', '5 Square'])
    expect(graphSvg(graph)).toContain('>5 × Square<')
  })

  test('two or three that are alike keep boxes of their own', () => {
    const builder = new GraphBuilder()
    const squares = Array.from({ length: 3 }, () => builder.add('Square', [builder.input(dense([3]))])[0]!)
    expect(sceneOf(builder.build(builder.add('AddN', squares))).boxes.length).toBe(4)
  })

  test('what many read is named in the boxes that read it', () => {
    const builder = new GraphBuilder()
    const scale = builder.add('Sum', [builder.input(dense([4]))], { axis: 0 })[0]!
    const readers = Array.from(
      { length: 5 },
      (_, i) => builder.add('Multiply', [scale, builder.input(dense([i + 1]))])[0]!,
    )
    const scene = sceneOf(builder.build(readers))
    expect(scene.links).toEqual([])
    expect(scene.boxes.find(({ op }) => op === 'Multiply')!.reads).toContainEqual(scale)
  })
})

describe('the picture', () => {
  const graph = parseGraph(`
%0 = Input() {name: "net/<kernel> & \\"x\\""} : float32[3,3,16,32]
%1 = Input() {name: "image"} : float32[2,8,8,16]
%2 = ToBlocked(%1) : float32[2,8,8,16] blocked
%3 = Convolution(%0, _, %2) {activation: "relu", leakyreluAlpha: 0, pooled: true, upsampled: false} : float32[2,8,8,32] blocked, float32[2,4,4,32] blocked
%4 = ToDense(%3#1) : float32[2,4,4,32]
return %4
`)

  test('names operations, remarks, shapes, inputs, and is well-formed where names are hostile', () => {
    const svg = graphSvg(graph, { title: 'A <b>title</b>', outputs: ['"><script>alert(1)</script>'] })
    for (const text of [
      '>Convolution<',
      '>relu pooled<',
      '>→ 2×8×8×32 ▦ +1<',
      '&#60;kernel&#62; &#38; &#34;x&#34; 3×3×16×32',
      '>2×4×4×32 ▦<',
    ])
      expect(svg).toContain(text)
    expect(svg).not.toContain('<script>')
    expectBalanced(svg)
    expect(graphSvg(graph)).toBe(graphSvg(graph))
  })

  test('with times: each box has its own, in milliseconds, and the page sums them up', () => {
    const times = [undefined, undefined, 1, 3, 0.25]
    const svg = graphSvg(graph, { times })
    const bars = [...svg.matchAll(/class="bar"[^>]*width="([\d.]+)"/g)].map(([, width]) => Number(width))
    expect(bars.map((width) => width / Math.max(...bars)).map((share) => share.toFixed(2))).toEqual([
      '0.33',
      '1.00',
      '0.08',
    ])
    expect(svg).toContain('>3.0 ms<')
    const page = graphPage(graph, { times, title: 'Step' })
    expect(page).toMatch(/convolution<td>1<td>0\.0012<td>0\.\d+<td>3\.0/)
    expect(page).toMatch(/layout<td>2<td>0\.0<td>0\.\d+<td>1\.3/)
    expect(page).not.toMatch(/https?:\/\/(?!www\.w3\.org\/2000\/svg)/) // needs nothing else
  })

  test('of a graph that computes nothing', () => {
    const empty = parseGraph('%0 = Input() : float32[2]\nreturn %0')
    expectBalanced(graphSvg(empty))
    expect(graphPage(empty)).toContain('<svg')
  })
})

/** Every element that begins ends, in order. */
function expectBalanced(svg: string) {
  const open: string[] = []
  for (const [tag, close, name, self] of svg
    .replace(/<style>[^<]*<\/style>/, '')
    .matchAll(/<(\/?)([a-zA-Z]+)(?:\s[^<>]*?)?(\/?)>/g)) {
    if (self) continue
    if (close) expect(open.pop(), tag).toBe(name)
    else open.push(name!)
  }
  expect(open).toEqual([])
  expect(svg.replace(/<[^<>]*>/g, '')).not.toMatch(/[<>]/)
}
