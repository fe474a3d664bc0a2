// Weak scaling of training: how much faster 2, 3, … processes with one thread each are than one such process. Each has a
// batch of its own, so that P processes at P times the speed would be 1.00. Beside it the same without communication: P
// processes that know nothing of each other, which is all that the machine gives. Rounds alternate; medians.
//
//   node benchmarks/scaling.mjs [--ranks 2] [--transport auto] [--image-size 512] [--batch-size 2] [--steps 6] [--rounds 5] [--json]
import { execFile } from 'node:child_process'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'

const { values: options } = parseArgs({
  options: {
    ranks: { type: 'string', default: '2' },
    transport: { type: 'string', default: 'auto' },
    'image-size': { type: 'string', default: '512' },
    'batch-size': { type: 'string', default: '2' },
    steps: { type: 'string', default: '6' },
    rounds: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
  },
})
const sizes = options.ranks.split(',').map(Number)
const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url))
const benchmark = [path('apps/reference/bin/unet-industrial.mjs'), 'benchmark', 'training', '--threads', '1']
benchmark.push('--image-size', options['image-size'], '--batch-size', options['batch-size'])
benchmark.push('--num-iter', options.steps, '--warmup-step', '2', '--json')
const node = async (...words) => (await promisify(execFile)(process.execPath, words)).stdout

/** Images a second of so many processes that train together. */
async function together(ranks) {
  const launch = [path('packages/horovod-lite/bin/hvdrun.js'), '-np', String(ranks), '--transport', options.transport]
  const out = await node(...launch, process.execPath, ...benchmark)
  return JSON.parse(/<stdout>:(\{.*\})/.exec(out)[1]).imagesPerSecond
}

/** The same of processes that only run at the same time. */
async function apart(count) {
  const all = await Promise.all(Array.from({ length: count }, () => node(...benchmark)))
  return all.reduce((sum, out) => sum + JSON.parse(out).imagesPerSecond, 0)
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]
const rounds = []
for (let round = 1; round <= Number(options.rounds); round++) {
  const one = await together(1)
  const measured = []
  for (const ranks of sizes) measured.push({ ranks, together: await together(ranks), apart: await apart(ranks) })
  rounds.push({ one, measured })
  const numbers = measured.map((of) => `${of.ranks}: ${of.together.toFixed(3)}, apart ${of.apart.toFixed(3)}`)
  if (!options.json) console.error(`round ${round}: 1: ${one.toFixed(3)}  ${numbers.join('  ')} img/s`)
}

const results = sizes.map((ranks, i) => ({
  ranks,
  imagesPerSecond: median(rounds.map(({ measured }) => measured[i].together)),
  ofOneTimesRanks: median(rounds.map(({ one, measured }) => measured[i].together / (one * ranks))),
  apartOfOneTimesRanks: median(rounds.map(({ one, measured }) => measured[i].apart / (one * ranks))),
}))
const one = median(rounds.map(({ one }) => one))
if (options.json) console.log(JSON.stringify({ cpu: cpus()[0].model, cores: cpus().length, one, results }))
else {
  const side = options['image-size']
  console.log(
    `${cpus()[0].model}, ${cpus().length} cores; ${side}x${side}, batch ${options['batch-size']} a process, one thread each`,
  )
  console.log('processes   images/s   of P times one (target 0.95)   without communication')
  console.log(`        1   ${one.toFixed(3).padStart(8)}`)
  for (const { ranks, imagesPerSecond, ofOneTimesRanks, apartOfOneTimesRanks } of results) {
    const [speed, ratio] = [imagesPerSecond, ofOneTimesRanks].map((value) => value.toFixed(3))
    console.log(
      `${String(ranks).padStart(9)}   ${speed.padStart(8)}   ${ratio.padEnd(28)}   ${apartOfOneTimesRanks.toFixed(3)}`,
    )
  }
}
