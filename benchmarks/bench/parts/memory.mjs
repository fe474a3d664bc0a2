// Peak resident memory of training at a large batch.
import { contenders } from '../contenders.mjs'
import { jobsOf } from '../jobs.mjs'
import { verdict } from '../machine.mjs'
import { gigabytes, short, table } from '../numbers.mjs'

export const memory = {
  about: 'peak memory of training at batch 16',
  jobs: ({ imageSize, largeBatch }, present) =>
    jobsOf(present, 'training', { imageSize, batchSize: largeBatch, steps: 2, warmup: 1 }),
  markdown: ({ of, options, targets }) => {
    const rows = of('memory').map(({ contender, peakRssBytes, imagesPerSecond }) => [
      contenders[contender].label,
      gigabytes(peakRssBytes),
      short(imagesPerSecond),
    ])
    const own = of('memory').find(({ contender }) => contender === 'compiled')
    const reached = own?.peakRssBytes <= targets.rssBytes
    const limit = (bytes) => `≤ ${bytes / 1e9} GB of this project`
    const wanted = own ? verdict(targets.rssBytes, reached, limit) : ''
    return `## Memory: training at ${options.imageSize}x${options.imageSize}, batch ${options.largeBatch}

Peak resident memory of the whole process${wanted}.

${table(['', 'peak RSS, GB', 'img/s'], rows)}`
  },
}
