// Memory over a long time, on small images: it must not grow.
import { jobsOf } from '../jobs.mjs'
import { verdict } from '../machine.mjs'
import { table } from '../numbers.mjs'

export const steady = {
  about: 'memory over 10,000 inferences and 2,000 training steps',
  jobs: ({ smallImage: imageSize, inferences, trainings }, present) => {
    const own = present.filter((name) => name === 'compiled')
    const long = (task, batchSize, steps) =>
      jobsOf(own, task, { imageSize, batchSize, steps, warmup: Math.ceil(steps / 10), collect: true })
    return [...long('inference', 1, inferences), ...long('training', 2, trainings)]
  },
  markdown: ({ of, targets }) => {
    const megabytes = (bytes) => (bytes / 1e6).toFixed(1)
    const rows = of('steady').map(({ task, steps, imageSize, batchSize, rssBytes }) => {
      const [least, most] = [Math.min(...rssBytes), Math.max(...rssBytes)]
      const off = (most - least) / 2 / ((most + least) / 2)
      const wanted = verdict(targets.drift, off <= targets.drift, (limit) => `within ${100 * limit} %`)
      const what = `${steps} ${task === 'training' ? 'training steps' : 'inferences'}, ${imageSize}x${imageSize}, batch ${batchSize}`
      return [what, megabytes(rssBytes[0]), megabytes(rssBytes.at(-1)), `±${(100 * off).toFixed(2)} %${wanted}`]
    })
    return `## Memory over time

Resident memory in MB at ten places among the steps, the first tenth behind them and a tenth of warm-up before that; garbage
collected first.

${table(['', 'at the first tenth', 'at the end', 'all ten'], rows)}`
  },
}
