import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { appFolder } from '../app-folder'
import { writeAtomically } from '../files'
import { dataScript, html, Markup } from './markup'
import { type RunFiles, readRun } from './run-files'
import { configTable, dataDescription, environmentTable, headline, pictures, thresholdTable } from './sections'

/** More points than a chart has pixels tell nothing: longer runs are thinned out. */
const mostPoints = 4000

/**
 * Writes `report.html` into a run's folder, from what lies there: one file that needs no other and no network.
 *
 * @param path the run's folder
 * @returns the report's path
 */
export async function writeReport(path: string): Promise<string> {
  const report = join(path, 'report.html')
  writeAtomically(report, page(readRun(path)))
  return report
}

function page(run: RunFiles): string {
  const curves = ['loss', 'dice', 'learningRate', 'lossScale', 'imagesPerSecond']
  const { text } = html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<link rel="icon" href="data:,">
<title>${run.name} · UNet Industrial</title>
<style>${asset(uPlotFile('uPlot.min.css'))}${asset(join(appFolder, 'assets/report.css'))}</style>
<h1>${run.name}</h1>
<p class="note">${dataDescription(run)}</p>
${headline(run)}
<h2>Training</h2>
${run.train.length > 0 ? html`<p class="note">${switches(run)}</p>${charts(curves)}` : html`<p>No step was recorded yet.</p>`}
<h2>Evaluation</h2>
${thresholdTable(run)}
${run.evaluation && charts(['thresholds'])}
<h2>Images</h2>
<p class="note">Overlay: prediction in orange, outline of the mask in cyan.</p>
${pictures(run)}
<h2>Options</h2>
${configTable(run)}
<h2>Environment</h2>
${environmentTable(run)}
${dataScript('report-data', chartData(run))}
<script>${asset(uPlotFile('uPlot.iife.min.js'))}</script>
<script>${asset(join(appFolder, 'assets/report.js'))}</script>
</html>
`
  return text
}

const charts = (names: string[]) =>
  html`<div class="charts">${names.map((name) => html`<div class="chart" data-chart="${name}"></div>`)}</div>`

/** Where the adaptive loss changed its branch, in words; the charts shade its dice branch. */
function switches({ train }: RunFiles): string {
  const changes = train.filter(({ branch }, i) => i > 0 && branch !== train[i - 1]!.branch)
  if (train[0]!.branch === null) return 'This loss has no branches.'
  const first = changes.find(({ branch }) => branch === 'dice')
  if (!first) return `The adaptive loss took its ${train[0]!.branch} branch throughout, as far as recorded.`
  return `Shaded: the adaptive loss took its dice branch, first recorded at step ${first.step}; the branch changed ${changes.length === 1 ? 'once' : `${changes.length} times`}.`
}

function chartData({ train, evaluations, evaluation }: RunFiles) {
  const every = Math.ceil(train.length / mostPoints)
  return {
    train: train.filter((_, i) => i % every === 0 || i === train.length - 1),
    evaluations,
    thresholds: Object.entries(evaluation?.thresholds ?? {}).map(([threshold, at]) => ({
      threshold: Number(threshold),
      ...at,
    })),
  }
}

const asset = (path: string) => new Markup(readFileSync(path, 'utf8'))
const uPlotFile = (name: string) => createRequire(import.meta.url).resolve(`uplot/dist/${name}`)
