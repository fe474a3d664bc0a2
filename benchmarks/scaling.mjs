// Weak scaling of training: how much faster 2, 3, … processes with one thread each are than one such process. Each has a
// batch of its own, so that P processes at P times the speed would be 1.00. Rounds alternate; medians.
//
//   node benchmarks/scaling.mjs [--ranks 2] [--transport auto] [--image-size 512] [--batch-size 2] [--steps 6] [--rounds 5] [--json]
import { execFileSync } from 'node:child_process'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

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
const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url))
const sizes = options.ranks.split(',').map(Number)

/** Images a second of so many processes together. */
function measure(ranks) {
  const benchmark = ['benchmark', 'training', '--threads', '1', '--warmup-step', '2', '--json']
  for (const name of ['image-size', 'batch-size']) benchmark.push(`--${name}`, options[name])
  const launch = ['-np', String(ranks), '--transport', options.transport]
  const command = [
    process.execPath,
    path('apps/reference/bin/unet-industrial.mjs'),
    ...benchmark,
    '--num-iter',
    options.steps,
  ]
  const out = execFileSync(process.execPath, [path('packages/horovod-lite/bin/hvdrun.js'), ...launch, ...command], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return JSON.parse(/<stdout>:(\{.*\})/.exec(out)[1]).imagesPerSecond
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]
const speeds = new Map([1, ...sizes].map((size) => [size, []]))
const ratios = new Map(sizes.map((size) => [size, []]))
for (let round = 0; round < Number(options.rounds); round++) {
  const one = measure(1)
  speeds.get(1).push(one)
  for (const size of sizes) {
    const many = measure(size)
    speeds.get(size).push(many)
    ratios.get(size).push(many / (one * size))
  }
  if (!options.json)
    console.error(
      `round ${round + 1}: ${[...speeds].map(([size, all]) => `${size}: ${all.at(-1).toFixed(3)}`).join('  ')} img/s`,
    )
}
const results = [...speeds].map(([size, all]) => ({
  ranks: size,
  imagesPerSecond: median(all),
  efficiency: size === 1 ? 1 : median(ratios.get(size)),
}))
if (options.json) console.log(JSON.stringify({ cpu: cpus()[0].model, cores: cpus().length, results }))
else {
  console.log(
    `${cpus()[0].model}, ${cpus().length} cores; ${options['image-size']}x${options['image-size']}, batch ${options['batch-size']} a process, one thread each`,
  )
  console.log('processes   images/s   of P times one (target 0.95)')
  for (const { ranks, imagesPerSecond, efficiency } of results)
    console.log(`${String(ranks).padStart(9)}   ${imagesPerSecond.toFixed(3).padStart(8)}   ${efficiency.toFixed(3)}`)
}
