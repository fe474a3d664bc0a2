// One image in a process that is warm.
import { contenders } from '../contenders.mjs'
import { jobsOf } from '../jobs.mjs'
import { table } from '../numbers.mjs'

const own = (present) => present.filter((name) => ['compiled', 'eager', 'avx2'].includes(name))

export const latency = {
  about: 'p50 and p95 of inference of one image in a warm process',
  jobs: ({ imageSize, latencySteps }, present) =>
    jobsOf(own(present), 'inference', { imageSize, batchSize: 1, steps: latencySteps, warmup: 10 }),
  markdown: ({ of, options }) => `## One image of ${options.imageSize}x${options.imageSize} in a warm process

Inference ${options.latencySteps} times after 10 of warm-up, in milliseconds.

${table(
  ['', 'p50', 'p95'],
  of('latency').map(({ contender, msPerStep: { p50, p95 } }) => [
    contenders[contender].label,
    p50.toFixed(1),
    p95.toFixed(1),
  ]),
)}`,
}
