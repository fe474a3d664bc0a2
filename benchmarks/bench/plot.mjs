// The plot of images a second against image size and batch, as SVG. uPlot, which draws the app's reports, paints on a canvas of a
// browser; a file that a README shows has to be SVG.
import { contenders } from './contenders.mjs'

const colours = {
  compiled: '#0b62d6',
  'torch-f32cl': '#d9480f',
  tensorflow: '#2b8a3e',
  'tfjs-node': '#8b3fc4',
  wasm: '#60646c',
}
const [WIDTH, HEIGHT, GAP, LEFT, TOP] = [400, 240, 76, 64, 64]

const axes = {
  imageSize: (options) => ({ values: options.sizes, title: `image size, batch ${options.batchSize}` }),
  batchSize: (options) => ({ values: options.batches, title: `batch, ${options.imageSize}x${options.imageSize}` }),
}

/** @returns {string} SVG: training above inference, by size at the left and by batch at the right */
export function plot(measured, options) {
  const points = measured.filter(({ part }) => part === 'sweep')
  const panels = ['training', 'inference'].flatMap((task, row) =>
    Object.keys(axes).map((axis, column) => {
      const [x, y] = [LEFT + column * (WIDTH + GAP), TOP + row * (HEIGHT + GAP)]
      const inside = panel(
        points.filter((it) => it.task === task && it.axis === axis),
        axis,
        axes[axis](options),
      )
      return `<g transform="translate(${x} ${y})"><text class="title" y="-10">${task}, img/s</text>${inside}</g>`
    }),
  )
  const names = Object.keys(colours).filter((name) => points.some(({ contender }) => contender === name))
  const [width, height] = [LEFT + 2 * WIDTH + GAP + 16, TOP + 2 * HEIGHT + GAP + 32]
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Images a second against image size and batch">
<style>text{font:13px system-ui,sans-serif;fill:#60646c}.title{font-weight:600;fill:#1c2024}line{stroke:#d9dce1}polyline{fill:none;stroke-width:2}</style>
<rect width="${width}" height="${height}" fill="#fff"/>
${legend(names).join('')}
${panels.join('\n')}
</svg>
`
}

const CHARACTER = 7.2 // pixels, about

function legend(names) {
  let x = LEFT
  return names.map((name) => {
    const { label } = contenders[name]
    const entry = `<circle cx="${x + 5}" cy="19" r="5" fill="${colours[name]}"/><text x="${x + 16}" y="24">${label}</text>`
    x = round(x + 40 + CHARACTER * label.length)
    return entry
  })
}

/** One chart, both scales logarithmic; a line a contender. */
function panel(points, axis, { values, title }) {
  if (points.length === 0) return '<text y="20">not measured</text>'
  const rates = points.map(({ imagesPerSecond }) => imagesPerSecond)
  const steps = ticks(Math.min(...rates), Math.max(...rates))
  const [low, high] = [Math.log10(steps[0]), Math.log10(steps.at(-1))]
  const [first, last] = [Math.log2(Math.min(...values)), Math.log2(Math.max(...values))]
  const x = (value) => round(last > first ? ((Math.log2(value) - first) / (last - first)) * WIDTH : WIDTH / 2)
  const y = (rate) => round(HEIGHT - ((Math.log10(rate) - low) / (high - low)) * HEIGHT)
  const rows = steps.map(
    (rate) =>
      `<line x2="${WIDTH}" y1="${y(rate)}" y2="${y(rate)}"/><text x="-8" y="${y(rate) + 4}" text-anchor="end">${rate}</text>`,
  )
  const columns = values.map(
    (value) =>
      `<line x1="${x(value)}" x2="${x(value)}" y2="${HEIGHT}"/><text x="${x(value)}" y="${HEIGHT + 18}" text-anchor="middle">${value}</text>`,
  )
  const lines = Object.entries(colours).map(([name, colour]) => {
    const its = points.filter(({ contender }) => contender === name).sort((a, b) => a[axis] - b[axis])
    const at = its.map((it) => [x(it[axis]), y(it.imagesPerSecond)])
    const dots = at.map(([cx, cy]) => `<circle cx="${cx}" cy="${cy}" r="3.5" fill="${colour}"/>`).join('')
    return at.length ? `<polyline points="${at.map(String).join(' ')}" stroke="${colour}"/>${dots}` : ''
  })
  return `${rows.join('')}${columns.join('')}<text x="${WIDTH}" y="-10" text-anchor="end">${title}</text>${lines.join('')}`
}

/** 1, 2 and 5 times powers of ten, from the last one below `least` to the first one above `most`. */
function ticks(least, most) {
  const all = Array.from({ length: 36 }, (_, i) => Number(`${[1, 2, 5][i % 3]}e${Math.floor(i / 3) - 5}`))
  return all.slice(
    all.findLastIndex((tick) => tick <= least),
    all.findIndex((tick) => tick > most) + 1,
  )
}

const round = (value) => Math.round(value * 10) / 10
