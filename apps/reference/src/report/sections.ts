import { describe, optionNames } from '../options/names'
import type { OptionName } from '../options/schema'
import { html, type Markup } from './markup'
import { publishedResult, publishedThreshold } from './published'
import { pictureUri, type RunFiles } from './run-files'
import { fixed, percent } from './table'

/** Of dagm-dataset's synthetic images; σ, contrast and axes in parts of the grey range and of the side. */
const difficulties: Record<string, string> = {
  easy: 'texture of σ 0.07, broad bright defects of contrast 0.2 to 0.3',
  hard: 'texture of σ 0.13, thin bright and dark defects',
}

/** Which images the run is about, in words. */
export function dataDescription({ config, start, evaluation }: RunFiles): string {
  const { datasetName, classId, syntheticDifficulty } = { ...config, ...evaluation?.data } as Record<string, unknown>
  const synthetic = datasetName === 'synthetic'
  const set = synthetic
    ? `synthetic set in the manner of DAGM class ${classId}, difficulty ${syntheticDifficulty} (${difficulties[String(syntheticDifficulty)] ?? 'unknown'}): a demonstration, not comparable with published results`
    : `${datasetName ?? 'unknown data'}, class ${classId}`
  const [height, width] = start?.imageShape ?? []
  return [
    set,
    ...(start ? [`${start.trainingImages} defective training images of ${width}×${height}`] : []),
    ...(evaluation ? [`${evaluation.images} test images, ${evaluation.defective} of them defective`] : []),
  ].join(' · ')
}

/** The numbers that people look for first. */
export function headline({ evaluation, train, start }: RunFiles): Markup {
  const at = evaluation?.thresholds[publishedThreshold]
  const speeds = train.map(({ imagesPerSecond }) => imagesPerSecond).sort((a, b) => a - b)
  const last = train.at(-1)
  const cards: [label: string, value: string, note: string][] = [
    ...(evaluation
      ? ([
          ['dice, defective', fixed(at?.diceDefective, 3), `threshold ${publishedThreshold}`],
          ['dice, all', fixed(at?.dice, 3), 'the reference calls it IoU'],
          ['IoU, defective', fixed(at?.iouDefective, 3), `threshold ${publishedThreshold}`],
          ['AUROC', fixed(evaluation.auroc, 3), 'area under the ROC curve, by image'],
          ['average precision', fixed(evaluation.averagePrecision, 3), 'area under precision–recall, by image'],
        ] satisfies [string, string, string][])
      : []),
    ...(last
      ? ([
          ['steps', `${last.step}`, `of ${start?.totalSteps ?? '?'}, ${last.epoch.toFixed(0)} epochs`],
          ['images/s', fixed(speeds[Math.floor(speeds.length / 2)], 1), 'median in training'],
        ] satisfies [string, string, string][])
      : []),
  ]
  return html`<div class="cards">${cards.map(
    ([label, value, note]) => html`<div class="card"><span>${label}</span><b>${value}</b><small>${note}</small></div>`,
  )}</div>`
}

/** Quality and confusion at each threshold, with the published result where there is one. */
export function thresholdTable({ evaluation, config }: RunFiles): Markup {
  if (!evaluation)
    return html`<p>Not evaluated yet: <code>unet-industrial evaluate --checkpoint NAME</code> adds this part.</p>`
  const { datasetName, classId } = { ...config, ...evaluation.data }
  const published = datasetName === 'DAGM2007' ? publishedResult(Number(classId)) : undefined
  const rows = Object.entries(evaluation.thresholds).map(
    ([threshold, { dice, iou, diceDefective, iouDefective, tp, fn, tn, fp, tpr, tnr }]) => html`
      <tr><th>${threshold}</th>${[dice, iou, diceDefective, iouDefective].map((value) => html`<td>${fixed(value)}</td>`)}
        <td>${tp}</td><td class="${fn > 0 && 'bad'}">${fn}</td><td class="${fp > 0 && 'bad'}">${fp}</td><td>${tn}</td>
        <td>${percent(tpr)}</td><td>${percent(tnr)}</td></tr>`,
  )
  return html`<div class="scroll"><table>
    <thead><tr><th></th><th colspan="2">all images</th><th colspan="2">defective</th><th colspan="2">defective images</th><th colspan="2">clean images</th><th colspan="2">share right, %</th></tr>
    <tr><th>threshold</th><th>dice</th><th>IoU</th><th>dice</th><th>IoU</th><th>found</th><th>missed</th><th>alarms</th><th>passed</th><th>TPR</th><th>TNR</th></tr></thead>
    <tbody>${rows}${
      published &&
      html`<tr class="published"><th>published</th><td>${fixed(published.dice, 3)}</td>${Array<Markup>(7).fill(html`<td></td>`)}<td>${percent(published.tpr)}</td><td>${percent(published.tnr)}</td></tr>`
    }</tbody></table></div>
    <p class="note">An image is found defective when its highest probability is above the threshold.${
      published && ` Published: NVIDIA's reference, FP32, one GPU, threshold ${publishedThreshold}.`
    }</p>`
}

const shown = { image: 'image', mask: 'mask', overlay: 'overlay', probability: 'probability' }

/** One image as a row of pictures; without those whose files are missing. */
function pictureRow(run: RunFiles, prefix: string, title: string): Markup {
  return html`<figure><figcaption>${title}</figcaption><div class="row">${Object.entries(shown).map(([name, label]) => {
    const uri = pictureUri(run.path, prefix, name)
    return uri && html`<div><img src="${uri}" alt="${label} of ${title}"><small>${label}</small></div>`
  })}</div></figure>`
}

export function pictures(run: RunFiles): Markup {
  const { worst = [], best = [] } = run.evaluation ?? {}
  const part = (heading: string, entries: typeof worst) =>
    entries.length > 0 &&
    html`<h3>${heading}</h3>${entries.map(({ pictures, name, defective, dice, score }) =>
      pictureRow(
        run,
        pictures,
        `${name}: ${defective ? 'defective' : 'clean'}, dice ${fixed(dice, 3)}, highest probability ${fixed(score, 3)}`,
      ),
    )}`
  const last = run.samples.at(-1)
  return html`${part('Worst', worst)}${part('Best', best)}${
    last && html`<h3>In training</h3>${pictureRow(run, last, `step ${Number(last.replace('step-', ''))}`)}`
  }`
}

/** Every option of the run with what it means. */
export function configTable({ config }: RunFiles): Markup {
  const help = (name: string) => ((optionNames as string[]).includes(name) ? describe(name as OptionName).help : '')
  return definitions(Object.entries(config).map(([name, value]) => [name, show(value), help(name)]))
}

/** What the run ran on. */
export function environmentTable({ start }: RunFiles): Markup {
  if (!start) return html`<p>Unknown: the run has not started.</p>`
  const { type, step, time, totalSteps, trainingImages, imageShape, ...environment } = start
  return definitions([
    ...Object.entries(environment).map(([name, value]): [string, string, string] => [name, show(value), '']),
    ['started', new Date(time * 1000).toISOString().replace('T', ' ').slice(0, 19), 'UTC'],
  ])
}

const show = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))

const definitions = (rows: [name: string, value: string, help: string][]) =>
  html`<div class="scroll"><table class="definitions"><tbody>${rows.map(
    ([name, value, help]) => html`<tr><th>${name}</th><td>${value}</td><td class="note">${help}</td></tr>`,
  )}</tbody></table></div>`
