// Images a second against the size of the image and the batch, as a plot.
import { contenders } from '../contenders.mjs'
import { jobsOf, stepsFor } from '../jobs.mjs'
import { short, table } from '../numbers.mjs'

/** One of each family: those that were best on some machine, and what runs without an install. */
const shown = ['compiled', 'torch-f32cl', 'tensorflow', 'tfjs-node', 'wasm']

export const sweep = {
  about: 'images a second against image size and batch, and the plot',
  jobs: ({ sizes, batches, imageSize, batchSize, seconds }, present) => {
    const names = present.filter((name) => shown.includes(name))
    const points = [
      ...sizes.map((size) => ({ axis: 'imageSize', imageSize: size, batchSize })),
      ...batches.map((batch) => ({ axis: 'batchSize', imageSize, batchSize: batch })),
    ]
    return points.flatMap((point) =>
      ['training', 'inference'].flatMap((task) =>
        jobsOf(names, task, point).map((job) => ({ ...job, steps: stepsFor(job, seconds) })),
      ),
    )
  },
  markdown: ({ of, options }) => {
    const measured = of('sweep')
    const names = shown.filter((name) => measured.some(({ contender }) => contender === name))
    const rows = (axis, values, write) =>
      values.flatMap((value) =>
        ['training', 'inference'].map((task) => [
          `${task}, ${write(value)}`,
          ...names.map((name) => {
            const it = measured.find(
              (it) => it.contender === name && it.task === task && it.axis === axis && it[axis] === value,
            )
            return it ? short(it.imagesPerSecond) : '–'
          }),
        ]),
      )
    const { sizes, batches, imageSize, batchSize } = options
    return `## Speed by size and batch

Images a second. Sizes at batch ${batchSize}, batches at ${imageSize}x${imageSize}; each measured once, in turn.

![Images a second against image size and batch](speed.svg)

${table(
  ['', ...names.map((name) => contenders[name].label)],
  [
    ...rows('imageSize', sizes, (size) => `${size}x${size}`),
    ...rows('batchSize', batches, (batch) => `batch ${batch}`),
  ],
)}`
  },
}
