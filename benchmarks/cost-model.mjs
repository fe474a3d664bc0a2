// The ring's cost model, measured: allreduce over tcp between network namespaces whose sending is limited by tc tbf, against the
// bound 2 (P − 1) / P · n / B. Fits t = s α + b β, where s is the number of steps and b the bytes that a rank sends: 2 (P − 1)
// and 2 (P − 1) / P · n of the ring; 2 log2 P and the same of recursive halving; log2 P and log2 P · n of recursive doubling,
// which the smallest arrays take. Predicts more ranks with it. The limit is a token bucket: what a step waits it makes up for
// later, so α comes from arrays that are too small for the limit.
//
//   sudo node benchmarks/cost-model.mjs [--ranks 2,4,8] [--rates 0.1,1] [--bytes 7401220] [--rounds 5] [--json]
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { withProgram } from './horovod.mjs'

const { values: options } = parseArgs({
  options: {
    ranks: { type: 'string', default: '2,4,8' },
    rates: { type: 'string', default: '0.1,1' },
    bytes: { type: 'string', default: '7401220' },
    rounds: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
  },
})
const numbers = (text) => text.split(',').map(Number)
const bytes = Number(options.bytes)
const sizes = [bytes, Math.ceil(bytes / 32) * 4, 256]
/** Smaller arrays are halved, the smallest doubled, where the ranks are a power of two (horovod-lite: order.ts, tcp/allreduce.ts). */
const [HALVING_BELOW, DOUBLING_BELOW] = [64 * 1024, 4096]
const PREDICTED = [64, 1024]
const WANTED = 0.8

function whyNot() {
  if (process.getuid?.() !== 0) return 'needs root, to make network namespaces'
  const missing = ['ip', 'tc'].find((tool) => spawnSync(tool, ['-V']).error)
  return missing && `needs ${missing}; on Debian: apt-get install iproute2`
}

const shell = (lines) => execFileSync('/bin/sh', ['-ec', lines], { stdio: ['ignore', 'ignore', 'inherit'] })
const namespaces = []
const children = new Set()

/** A host on the bridge that sends `rate` Gbit/s at most. */
function addHost(bridge, i, rate) {
  const host = `${bridge}h${i}`
  const burst = Math.max(128, 250 * rate) // KB: a packet before it is cut, and 2 ms, for which a busy host may sleep
  namespaces.push(host)
  shell(`ip netns add ${host}
    ip -n ${host} link set lo up
    ip -n ${host} link add eth0 type veth peer name port${i} netns ${bridge}
    ip -n ${host} address add 10.79.0.${i + 1}/24 dev eth0
    ip -n ${host} link set eth0 up
    ip -n ${bridge} link set port${i} master bridge up
    ip netns exec ${host} tc qdisc add dev eth0 root tbf rate ${rate * 1000}mbit burst ${burst}kb latency 100ms`)
  return host
}

function addNetwork(ranks, rate) {
  const bridge = `cost${process.pid}`
  namespaces.push(bridge)
  shell(`ip netns add ${bridge}; ip -n ${bridge} link add bridge type bridge; ip -n ${bridge} link set bridge up`)
  return Array.from({ length: ranks }, (_, i) => addHost(bridge, i, rate))
}

function removeNetwork() {
  for (const child of children) child.kill('SIGKILL')
  for (const name of namespaces.splice(0)) spawnSync('ip', ['netns', 'delete', name], { stdio: 'ignore' })
}

/** What a rank prints. */
function startRank(program, host, rank, size) {
  const env = {
    ...process.env,
    ...{ HOROVOD_RANK: rank, HOROVOD_SIZE: size, HOROVOD_LOCAL_RANK: 0, HOROVOD_LOCAL_SIZE: 1 },
    ...{ MASTER_ADDR: '10.79.0.1', MASTER_PORT: 29500, HOROVOD_SECRET_KEY: `cost model ${process.pid}` },
  }
  const command = ['netns', 'exec', host, process.execPath, program, options.rounds, ...sizes.map(String)]
  const child = spawn('ip', command, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  children.add(child)
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text
  })
  return new Promise((resolve, reject) =>
    child.on('close', (code) => {
      children.delete(child)
      if (code === 0) resolve(output)
      else reject(new Error(`rank ${rank} of ${size} ended with code ${code}`))
    }),
  )
}

/** Seconds of each size. */
async function measure(program, ranks, rate) {
  try {
    const hosts = addNetwork(ranks, rate)
    const [printed] = await Promise.all(hosts.map((host, rank) => startRank(program, host, rank, ranks)))
    return JSON.parse(printed).seconds
  } finally {
    removeNetwork()
  }
}

function algorithm(ranks, n) {
  if (n >= HALVING_BELOW || !Number.isInteger(Math.log2(ranks))) return 'ring'
  return ranks === 2 || n < DOUBLING_BELOW ? 'doubling' : 'halving'
}
const steps = (ranks, n) =>
  ({ ring: 2 * (ranks - 1), halving: 2 * Math.log2(ranks), doubling: Math.log2(ranks) })[algorithm(ranks, n)]
const least = (ranks, n) => ((2 * (ranks - 1)) / ranks) * n
/** Bytes that each rank sends. */
const sent = (ranks, n) => (algorithm(ranks, n) === 'doubling' ? Math.log2(ranks) * n : least(ranks, n))
/** Seconds: what the wire alone would take. */
const bound = (ranks, n, rate) => (least(ranks, n) * 8) / (rate * 1e9)

/** α and β with the least sum of squared relative errors: the normal equations of two unknowns. */
function leastSquares(points) {
  const [aa, ab, bb, at, bt] = points.reduce(
    (sums, { ranks, n, seconds }) => {
      const [a, b] = [steps(ranks, n) / seconds, sent(ranks, n) / seconds]
      return [a * a, a * b, b * b, a, b].map((term, i) => sums[i] + term)
    },
    [0, 0, 0, 0, 0],
  )
  const determinant = aa * bb - ab * ab
  return { alpha: (at * bb - bt * ab) / determinant, beta: (aa * bt - ab * at) / determinant }
}

const reason = whyNot()
if (reason) {
  console.log(`cost model: skipped: ${reason}`)
  process.exit(0)
}
process.on('exit', removeNetwork)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1))

const machine = { cpu: cpus()[0].model, cores: availableParallelism(), load: loadavg()[0] }
const results = await withProgram('allreduce_costs', async (program) => {
  const all = []
  for (const rate of numbers(options.rates)) {
    const points = []
    for (const ranks of numbers(options.ranks)) {
      const measured = await measure(program, ranks, rate)
      points.push(...measured.map((seconds, i) => ({ rate, ranks, n: sizes[i], seconds })))
    }
    const { alpha, beta } = leastSquares(points)
    const seconds = (ranks, n) => steps(ranks, n) * alpha + sent(ranks, n) * beta
    const predicted = PREDICTED.map((ranks) => ({ ranks, seconds: seconds(ranks, bytes) }))
    all.push({ rate, alpha, beta, points, predicted })
  }
  return all
})

if (options.json) console.log(JSON.stringify({ machine, bytes, results }))
else {
  console.log(`${machine.cpu}, ${machine.cores} cores, load ${machine.load.toFixed(1)}, Node ${process.version}`)
  const ms = (seconds) => (1000 * seconds).toFixed(2)
  console.table(
    results.flatMap(({ points }) =>
      points.map(({ rate, ranks, n, seconds }) => {
        const share = bound(ranks, n, rate) / seconds
        const wanted = n === bytes ? `≥ ${WANTED}: ${share >= WANTED ? 'yes' : 'no'}` : ''
        return {
          'Gbit/s': rate,
          ranks,
          bytes: n,
          ms: ms(seconds),
          'bound, ms': ms(bound(ranks, n, rate)),
          'share of the bound': share.toFixed(2),
          wanted,
        }
      }),
    ),
  )
  for (const { rate, alpha, beta, predicted } of results) {
    console.log(
      `${rate} Gbit/s: α = ${(alpha * 1e6).toFixed(0)} µs a step, 1/β = ${(8e-9 / beta).toFixed(3)} Gbit/s;` +
        ` predicted for ${(bytes / 1e6).toFixed(1)} MB: ${predicted
          .map(
            ({ ranks, seconds }) =>
              `${ms(seconds)} ms with ${ranks} ranks (${(bound(ranks, bytes, rate) / seconds).toFixed(2)} of the bound)`,
          )
          .join(', ')}`,
    )
  }
}
