// The table: every contender in turn, so that a noisy machine treats all alike; medians of the rounds.
import { contenders } from '../contenders.mjs'
import { flopOf, images512, jobsOf } from '../jobs.mjs'
import { verdict } from '../machine.mjs'
import { gigabytes, median, short, spread, table } from '../numbers.mjs'

export const speed = {
  about: 'images a second and peak memory, all contenders in turn',
  jobs: ({ rounds, imageSize, batchSize, steps }, present) =>
    Array.from({ length: rounds }, (_, round) =>
      ['training', 'inference'].flatMap((task) => {
        const jobs = jobsOf(present, task, { round, imageSize, batchSize, steps })
        const first = round % jobs.length || 0 // each round begins with another
        return [...jobs.slice(first), ...jobs.slice(0, first)]
      }),
    ).flat(),
  markdown,
}

function markdown({ of, options, machine, targets }) {
  const { imageSize, batchSize, rounds, steps, threads } = options
  const measured = of('speed')
  const rates = (contender, task) =>
    measured.filter((it) => it.contender === contender && it.task === task).map((it) => it.imagesPerSecond)
  const names = Object.keys(contenders).filter((name) => measured.some(({ contender }) => contender === name))
  const cells = (name, task) => {
    const [own, its] = [rates('compiled', task), rates(name, task)]
    if (its.length === 0) return ['–', '', '']
    const peak = machine.peaks[name === 'avx2' ? 'avx2' : machine.isas[0]]
    const share = (median(its) * flopOf[task] * images512(options)) / 1e9 / peak?.gflops
    const ratio = name === 'compiled' || own.length === 0 ? '' : `${(median(own) / median(its)).toFixed(2)}x`
    return [spread(its), ratio, Number.isFinite(share) ? share.toFixed(2) : '']
  }
  const rss = (name) => {
    const all = measured.filter((it) => it.contender === name && it.task === 'training').map((it) => it.peakRssBytes)
    return all.length ? gigabytes(median(all)) : '–'
  }
  const header = [
    '',
    'training, img/s',
    'ours / it',
    'of peak',
    'inference, img/s',
    'ours / it',
    'of peak',
    'peak RSS, GB',
  ]
  const rows = names.map((name) => [
    contenders[name].label,
    ...cells(name, 'training'),
    ...cells(name, 'inference'),
    rss(name),
  ])
  return `## Speed: ${imageSize}x${imageSize}, batch ${batchSize}, ${threads} threads

Medians (and extremes) of ${rounds === 1 ? 'one round' : `${rounds} rounds`} of ${steps} steps, all contenders in turn. A training step is forward, backward and update.
"Of peak" is the share of the measured multiply-add peak that convolutions computed directly would reach at this speed;
Winograd's need fewer operations, so it may be above 1. Peak memory is that of training.

${table(header, rows)}

${['training', 'inference'].map((task) => comparison(task, rates, targets)).join('\n')}`
}

/** How this project stands to the best of its rivals. */
function comparison(task, rates, targets) {
  const rivals = Object.keys(contenders)
    .filter((name) => !['compiled', 'eager', 'avx2'].includes(name) && rates(name, task).length > 0)
    .map((name) => ({ name, rate: median(rates(name, task)) }))
    .sort((a, b) => b.rate - a.rate)
  const own = rates('compiled', task)
  if (own.length === 0 || rivals.length === 0) return `- ${task}: nothing to compare`
  const [{ name, rate }] = rivals
  const ratio = median(own) / rate
  const best = `the best rival is ${contenders[name].label} with ${short(rate)} img/s; ours is ${ratio.toFixed(2)} times as fast`
  return `- ${task}: ${best}${verdict(targets[task], ratio >= targets[task], (times) => `≥ ${times}x`)}`
}
