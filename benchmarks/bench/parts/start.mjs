// From the start of the process until it has trained one step: loading, variables, the graph's compilation, the step.
import { jobsOf } from '../jobs.mjs'
import { verdict } from '../machine.mjs'
import { median, spread } from '../numbers.mjs'

export const start = {
  about: 'from the start of the process to its first training step',
  jobs: ({ rounds, imageSize, batchSize }, present) =>
    Array.from({ length: rounds }, (_, round) =>
      jobsOf(
        present.filter((name) => name === 'compiled'),
        'training',
        { round, imageSize, batchSize, steps: 1, warmup: 0 },
      ),
    ).flat(),
  markdown: ({ of, options, targets }) => {
    const seconds = of('start').map(({ firstStepSeconds }) => firstStepSeconds)
    const text = spread(seconds, (value) => `${value.toFixed(2)} s`)
    const wanted = verdict(targets.startSeconds, median(seconds) <= targets.startSeconds, (limit) => `≤ ${limit} s`)
    return `## Start

From the start of the process to the end of its first training step, ${options.imageSize}x${options.imageSize}, batch ${options.batchSize}: ${text}${wanted}.`
  },
}
