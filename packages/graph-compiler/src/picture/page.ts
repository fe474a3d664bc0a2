import type { Graph } from '../ir/graph'
import type { Kind } from '../operations/operation'
import { HUES } from './style'
import { draw } from './svg'
import { escaped, number, type PictureOptions } from './words'

/**
 * A graph as one HTML page that needs nothing else: `graphSvg` with a legend (boxes, work and time of each kind), and
 * details of the box under the pointer, whose neighbours and lines light up. Wheel with Ctrl zooms, dragging moves.
 */
export function graphPage(graph: Graph, options: PictureOptions = {}): string {
  const { svg, boxes, timeOf } = draw(graph, options)
  const kinds = (Object.keys(HUES) as Kind[])
    .map((kind) => ({ kind, boxes: boxes.filter((box) => box.kind === kind) }))
    .filter(({ boxes }) => boxes.length > 0)
  const sum = (numbers: number[]) => numbers.reduce((total, one) => total + one, 0)
  const timed = options.times !== undefined
  const rows = kinds.map(({ kind, boxes }) => {
    const nodes = sum(boxes.map((box) => box.nodes.length))
    const time = timed ? `<td>${number(sum(boxes.map((box) => timeOf(box) ?? 0)))}` : ''
    const [flops, bytes] = [sum(boxes.map((box) => box.flops)) / 1e9, sum(boxes.map((box) => box.bytes)) / 2 ** 20]
    return `<tr><th><i style="background:${colour(kind)}"></i>${kind}<td>${nodes}<td>${number(flops)}<td>${number(bytes)}${time}`
  })
  const title = escaped(options.title ?? 'Graph')
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title>
<style>${STYLE}</style>
<main>${svg}</main>
<aside><h1>${title}</h1>
<table><tr><th>kind<td>nodes<td>GFLOP<td>MiB${timed ? '<td>ms' : ''}${rows.join('')}</table>
<pre>Point at a box. Ctrl and wheel zoom, dragging moves.</pre></aside>
<script>${SCRIPT}</script>
</html>
`
}

const colour = (kind: Kind) => (HUES[kind] === undefined ? '#999' : `hsl(${HUES[kind]} 75% 50%)`)

const STYLE = `
body{margin:0;height:100vh;display:flex;font:13px system-ui,sans-serif;color:#1b1f24;background:#fff}
main{flex:1;overflow:auto;cursor:grab}
main svg{display:block;margin:0 auto}
aside{width:330px;overflow:auto;background:#f7f9fb;border-left:1px solid #d5dbe3;padding:14px 16px;box-sizing:border-box}
h1{font-size:15px;margin:0 0 8px}
table{border-collapse:collapse;width:100%}
th{text-align:left;font-weight:500}
td{text-align:right;font-variant-numeric:tabular-nums;padding-left:10px}
i{display:inline-block;width:10px;height:10px;border-radius:3px;margin-right:6px}
pre{white-space:pre-wrap;overflow-wrap:anywhere;font:11px/1.45 ui-monospace,monospace;margin:10px 0 0;color:#444c56}
`

// Runs in the page. What it needs to know stands in the picture: data-box, data-from, data-to, and tooltips.
const SCRIPT = `
const main = document.querySelector('main'), svg = main.querySelector('svg'), pre = document.querySelector('pre')
const boxes = new Map([...svg.querySelectorAll('[data-box]')].map((box) => [box.dataset.box, box]))
const links = [...svg.querySelectorAll('[data-from]')]
const hint = pre.textContent
function light(id) {
  for (const one of svg.querySelectorAll('.on,.lit')) one.classList.remove('on', 'lit')
  pre.textContent = id === undefined ? hint : boxes.get(id).querySelector('title').textContent
  for (const link of links) {
    const { from, to } = link.dataset
    if (from !== id && to !== id) continue
    link.classList.add('on')
    boxes.get(from === id ? to : from).classList.add('lit')
  }
}
for (const [id, box] of boxes) {
  box.addEventListener('mouseenter', () => light(id))
  box.addEventListener('mouseleave', () => light())
  box.addEventListener('focus', () => light(id))
}
let zoom = 1
const { width, height } = svg.viewBox.baseVal
const [first] = boxes.values()
if (first) main.scrollLeft = first.transform.baseVal[0].matrix.e - main.clientWidth / 2 + 100
main.addEventListener('wheel', (event) => {
  if (!event.ctrlKey) return
  event.preventDefault()
  const [x, y] = [main.scrollLeft + event.clientX, main.scrollTop + event.clientY]
  const next = Math.min(4, Math.max(0.05, zoom * Math.exp(-event.deltaY / 400)))
  svg.setAttribute('width', width * next)
  svg.setAttribute('height', height * next)
  main.scrollLeft = (x * next) / zoom - event.clientX
  main.scrollTop = (y * next) / zoom - event.clientY
  zoom = next
}, { passive: false })
main.addEventListener('pointermove', (event) => {
  if (event.buttons !== 1) return
  main.scrollLeft -= event.movementX
  main.scrollTop -= event.movementY
})
`
