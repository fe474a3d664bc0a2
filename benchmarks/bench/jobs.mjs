// A job is one measurement: { part, contender, task, imageSize, batchSize, steps, warmup, … }, or { part, does, … } where it is
// none of a contender (parts/size.mjs, parts/demo.mjs). Its result is the job with what was measured.
import { contenders } from './contenders.mjs'

/** Floating-point operations of an image of 512x512 when its convolutions are computed directly. */
export const flopOf = { training: 110e9, inference: 36.7e9 }

/** How many images of 512x512 an image is as much work as. */
export const images512 = ({ imageSize }) => (imageSize / 512) ** 2

function stepSeconds({ contender, task, batchSize, imageSize }) {
  const { rate, both } = contenders[contender]
  return (batchSize * images512({ imageSize })) / rate[both ? 'training' : task]
}

/** Rough, in seconds, on two cores. */
export function estimate(job) {
  if (job.seconds !== undefined) return job.seconds
  const { start, both } = contenders[job.contender]
  return start + stepSeconds(job) * (job.steps + job.warmup) * (both ? 1.3 : 1)
}

/** So many steps that they take about so long, 2 to 50. */
export const stepsFor = (job, seconds) => Math.min(Math.max(Math.round(seconds / stepSeconds(job)), 2), 50)

/** Why a job would not fit into the memory that is free, or undefined. */
export function tooLarge(job, freeBytes) {
  if (job.contender === undefined) return undefined
  const { memory } = contenders[job.contender]
  const needed = memory * job.batchSize * images512(job) * (job.task === 'training' ? 1 : 0.2)
  if (needed < 0.7 * freeBytes) return undefined
  return `needs about ${(needed / 1e9).toFixed(0)} GB, ${(freeBytes / 1e9).toFixed(0)} GB are free`
}

/** A job of each contender that can do the task. */
export const jobsOf = (names, task, job) =>
  names
    .filter((name) => contenders[name].tasks.includes(task))
    .map((contender) => ({ contender, task, warmup: 2, ...job }))

/** How a job is called. */
export function describe(job) {
  if (job.does) return job.does
  const { contender, task, imageSize, batchSize } = job
  return `${contenders[contender].label}: ${task}, ${imageSize}x${imageSize}, batch ${batchSize}`
}
